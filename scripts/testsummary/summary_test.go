package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummarise(t *testing.T) {
	tests := []struct {
		name   string
		stream string
		want   Total
		shown  string // the whole report
	}{
		{
			name: "subtests are counted, their parent is not; a skip says why",
			stream: `
{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestA"}
{"Action":"output","Package":"m/a","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"run","Package":"m/a","Test":"TestA/x"}
{"Action":"output","Package":"m/a","Test":"TestA/x","Output":"    a_test.go:1: chatter\n"}
{"Action":"pass","Package":"m/a","Test":"TestA/x"}
{"Action":"run","Package":"m/a","Test":"TestA/y/z"}
{"Action":"output","Package":"m/a","Test":"TestA/y/z","Output":"    a_test.go:2: no engine\n"}
{"Action":"output","Package":"m/a","Test":"TestA/y/z","Output":"    --- SKIP: TestA/y/z (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestA/y/z"}
{"Action":"pass","Package":"m/a","Test":"TestA"}
{"Action":"output","Package":"m/a","Output":"PASS\n"}
{"Action":"output","Package":"m/a","Output":"ok  \tm/a\t0.1s\n"}
{"Action":"pass","Package":"m/a"}
{"Action":"output","Package":"m/none","Output":"?   \tm/none\t[no test files]\n"}
{"Action":"skip","Package":"m/none"}`,
			want:  Total{Passed: 1, Skipped: 1},
			shown: "ok  \tm/a\t0.1s\nskipped: m/a.TestA/y/z: a_test.go:2: no engine\n",
		},
		{
			name: "a failing subtest is one failure and shown in full",
			stream: `
{"Action":"run","Package":"m/a","Test":"TestA"}
{"Action":"run","Package":"m/a","Test":"TestA/x"}
{"Action":"output","Package":"m/a","Test":"TestA/x","Output":"    a_test.go:1: got 1\n"}
{"Action":"fail","Package":"m/a","Test":"TestA/x"}
{"Action":"output","Package":"m/a","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}
{"Action":"fail","Package":"m/a","Test":"TestA"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.1s\n"}
{"Action":"fail","Package":"m/a"}`,
			want:  Total{Failed: 1},
			shown: "    a_test.go:1: got 1\n--- FAIL: TestA (0.00s)\nFAIL\tm/a\t0.1s\n",
		},
		{
			name: "a parent that fails beside good subtests counts",
			stream: `
{"Action":"run","Package":"m/a","Test":"TestA"}
{"Action":"run","Package":"m/a","Test":"TestA/x"}
{"Action":"pass","Package":"m/a","Test":"TestA/x"}
{"Action":"fail","Package":"m/a","Test":"TestA"}
{"Action":"fail","Package":"m/a"}`,
			want: Total{Passed: 1, Failed: 1},
		},
		{
			name: "a failed build is a failure",
			stream: `
{"ImportPath":"m/a [m/a.test]","Action":"build-output","Output":"a_test.go:3: undefined: x\n"}
{"ImportPath":"m/a [m/a.test]","Action":"build-fail"}
{"Action":"start","Package":"m/a"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a [build failed]\n"}
{"Action":"fail","Package":"m/a","FailedBuild":"m/a [m/a.test]"}`,
			want:  Total{Failed: 1},
			shown: "a_test.go:3: undefined: x\nFAIL\tm/a [build failed]\n",
		},
		{
			name: "a timeout is a failure and its stacks are shown",
			stream: `
{"Action":"run","Package":"m/a","Test":"TestSlow"}
{"Action":"output","Package":"m/a","Test":"TestSlow","Output":"panic: test timed out after 3s\n"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t3.0s\n"}
{"Action":"fail","Package":"m/a"}`,
			want:  Total{Failed: 1},
			shown: "--- DID NOT END: TestSlow\npanic: test timed out after 3s\nFAIL\tm/a\t3.0s\n",
		},
		{
			name: "a package that fails after its tests passed is a failure",
			stream: `
{"Action":"run","Package":"m/a","Test":"TestA"}
{"Action":"pass","Package":"m/a","Test":"TestA"}
{"Action":"fail","Package":"m/a"}`,
			want: Total{Passed: 1, Failed: 1},
		},
		{
			name: "a stream that breaks off is a failure",
			stream: `
{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestA"}`,
			want:  Total{Failed: 1},
			shown: "--- DID NOT END: TestA\nFAIL\tm/a [no result]\n",
		},
		{
			name:   "what is not an event is shown",
			stream: "\ngo: warning\n{}\n",
			shown:  "go: warning\n{}\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var shown strings.Builder
			got, err := Summarise(strings.NewReader(strings.TrimPrefix(tt.stream, "\n")), &shown)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("total: %v, want %v", got, tt.want)
			}
			if diff := cmp.Diff(tt.shown, shown.String()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTotalIsTheClosingLine(t *testing.T) {
	if got, want := (Total{3, 2, 1}).String(), "3 passed, 2 failed, 1 skipped"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
