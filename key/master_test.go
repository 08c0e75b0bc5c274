package key_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sallyport/key"
)

func TestLoadMasterFromText(t *testing.T) {
	want := key.Master{}
	for i := range want {
		want[i] = byte(i * 7)
	}
	for _, text := range []string{
		base64.StdEncoding.EncodeToString(want[:]),
		base64.RawStdEncoding.EncodeToString(want[:]),
		base64.URLEncoding.EncodeToString(want[:]),
		hex.EncodeToString(want[:]),
		strings.ToUpper(hex.EncodeToString(want[:])) + "\n",
	} {
		got, err := key.LoadMaster(filepath.Join(t.TempDir(), "unused"), text)
		if err != nil || got != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"short", strings.Repeat("zz", 32), base64.StdEncoding.EncodeToString(make([]byte, 31))} {
		_, err := key.LoadMaster(filepath.Join(t.TempDir(), "unused"), text)
		if err == nil {
			t.Errorf("%q was accepted", text)
		} else if strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestLoadMasterMakesOneFileForAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "master.key")
	var all [16]key.Master
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			m, err := key.LoadMaster(path, "")
			if err != nil {
				t.Error(err)
			}
			all[i] = m
		})
	}
	wg.Wait()
	for _, m := range all {
		if m != all[0] || m == (key.Master{}) {
			t.Fatal("two starters have different keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
	if again, err := key.LoadMaster(path, ""); err != nil || again != all[0] {
		t.Fatalf("the next start has another key: %v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", all[0], all[0], all[0], all[0]); strings.Contains(s, fmt.Sprint(all[0][0])+" ") {
		t.Errorf("a master key can be printed: %s", s)
	}
}

func TestLoadMasterRefusals(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open.key")
	good := base64.StdEncoding.EncodeToString(make([]byte, 32))
	if err := os.WriteFile(open, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o604, 0o640, 0o660} {
			if err := os.Chmod(open, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := key.LoadMaster(open, ""); err == nil || !strings.Contains(err.Error(), "chmod 600 "+open) {
				t.Errorf("mode %o: %v, want the fix", mode, err)
			}
		}
	}
	damaged := filepath.Join(dir, "damaged.key")
	if err := os.WriteFile(damaged, []byte(good[:20]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := key.LoadMaster(damaged, ""); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("damaged: %v, want the fix", err)
	}
	if text, err := os.ReadFile(damaged); err != nil || string(text) != good[:20] {
		t.Error("a damaged file was replaced; the keys under it would be lost for good")
	}
}
