package app_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/store/postgres/pgtest"
)

// The server is killed twice in the middle of load: what it had acknowledged by then must hold.
const (
	crashRounds   = 2
	crashRequests = 5000 // per round
	crashWorkers  = 8
	crashFamilies = 5 // per worker
)

const crashYAML = `
realm: default
scopes: [{name: read}]
users: [{name: dory, password: dorypass}]
clients:
  - id: load
    secret_hash: sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b # of "secret"
    grants: [password, refresh_token, client_credentials]
    scopes: [read]
    access_token: {format: reference, ttl: 1h}
    refresh_token: {ttl: 1d, grace: 1h}
`

func TestCrashSQLite(t *testing.T) { testCrash(t, "") }

func TestCrashPostgreSQL(t *testing.T) { testCrash(t, pgtest.StartDurable(t)) }

func testCrash(t *testing.T, database string) {
	p := newProcess(t, database, crashYAML)
	p.start(t)
	workers := make([]*crashWorker, crashWorkers)
	for i := range workers {
		workers[i] = &crashWorker{base: p.URL, client: &http.Client{Timeout: 20 * time.Second}, random: rand.New(rand.NewPCG(1, uint64(i)))}
		workers[i].signIn(t)
	}
	for round := range crashRounds {
		var done atomic.Int64
		killed := make(chan struct{})
		var wg sync.WaitGroup
		for _, w := range workers {
			wg.Go(func() { w.work(&done, killed) })
		}
		for done.Load() < crashRequests/2 {
			time.Sleep(time.Millisecond)
		}
		p.kill(t)
		close(killed)
		wg.Wait()
		p.start(t)
		for _, w := range workers {
			w.check(t)
		}
		// The other half, undisturbed.
		killed = make(chan struct{})
		for _, w := range workers {
			wg.Go(func() { w.work(&done, killed) })
		}
		for done.Load() < crashRequests {
			time.Sleep(time.Millisecond)
		}
		close(killed)
		wg.Wait()
		t.Logf("round %d: %d requests acknowledged", round+1, done.Load())
	}
	revoked, families, references := 0, 0, 0
	for _, w := range workers {
		w.check(t)
		revoked += len(w.gone) + len(w.ended)
		families += len(w.families)
		references += len(w.live)
	}
	t.Logf("%d families refreshed to the last, %d reference tokens live, %d revocations hold", families, references, revoked)
}

// A crashWorker makes requests and remembers what was acknowledged. One goroutine owns it.
type crashWorker struct {
	base   string
	client *http.Client
	random *rand.Rand

	families []string // latest acknowledged refresh token of each family that lives
	ended    []string // refresh tokens whose revocation was acknowledged
	live     []string // reference tokens
	gone     []string // reference tokens whose revocation was acknowledged
}

// post sends a form as the client; status 0: no answer came.
func (w *crashWorker) post(path string, fields ...string) (status int, answer map[string]any) {
	form := url.Values{"client_id": {"load"}, "client_secret": {"secret"}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	response, err := w.client.Post(w.base+path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	_ = json.Unmarshal(body, &answer) // a revocation has no body
	return response.StatusCode, answer
}

func (w *crashWorker) signIn(t *testing.T) {
	t.Helper()
	for len(w.families) < crashFamilies {
		status, answer := w.post("/token", "grant_type", "password", "username", "dory", "password", "dorypass")
		if status != http.StatusOK {
			t.Fatalf("sign-in: %d %v", status, answer)
		}
		w.families = append(w.families, answer["refresh_token"].(string))
	}
}

// work makes requests until it is told to stop or the server is gone.
func (w *crashWorker) work(done *atomic.Int64, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if !w.one() {
			return
		}
		done.Add(1)
	}
}

// one makes one request. It reports false when no answer came: then what it was about is in doubt, and forgotten.
func (w *crashWorker) one() bool {
	switch n := w.random.IntN(100); {
	case n < 70:
		i := w.random.IntN(len(w.families))
		status, answer := w.post("/token", "grant_type", "refresh_token", "refresh_token", w.families[i])
		if status == http.StatusOK {
			// A refresh in doubt needs no special care: its predecessor is good within the grace period.
			w.families[i] = answer["refresh_token"].(string)
		}
		return status != 0
	case n < 85:
		status, answer := w.post("/token", "grant_type", "client_credentials")
		if status == http.StatusOK {
			w.live = append(w.live, answer["access_token"].(string))
		}
		return status != 0
	case n < 99 && len(w.live) > 0:
		token := w.live[len(w.live)-1]
		w.live = w.live[:len(w.live)-1]
		status, _ := w.post("/revoke", "token", token)
		if status == http.StatusOK {
			w.gone = append(w.gone, token)
		}
		return status != 0
	case n == 99 && len(w.families) > 2:
		token := w.families[len(w.families)-1]
		w.families = w.families[:len(w.families)-1]
		status, _ := w.post("/revoke", "token", token)
		if status == http.StatusOK {
			w.ended = append(w.ended, token)
		}
		return status != 0
	default:
		status, _ := w.post("/introspect", "token", "unknown")
		return status != 0
	}
}

// check sees that everything acknowledged holds.
func (w *crashWorker) check(t *testing.T) {
	t.Helper()
	for i, token := range w.families {
		status, answer := w.post("/token", "grant_type", "refresh_token", "refresh_token", token)
		if status != http.StatusOK {
			t.Fatalf("an acknowledged refresh token does not work: %d %v", status, answer)
		}
		w.families[i] = answer["refresh_token"].(string)
	}
	for _, token := range w.ended {
		if status, answer := w.post("/token", "grant_type", "refresh_token", "refresh_token", token); status != http.StatusBadRequest {
			t.Fatalf("an acknowledged revocation of a grant does not hold: %d %v", status, answer)
		}
	}
	for _, token := range w.live {
		if status, answer := w.post("/introspect", "token", token); status != http.StatusOK || answer["active"] != true {
			t.Fatalf("an acknowledged access token is not active: %d %v", status, answer)
		}
	}
	for _, token := range w.gone {
		if status, answer := w.post("/introspect", "token", token); status != http.StatusOK || answer["active"] != false {
			t.Fatalf("an acknowledged revocation of an access token does not hold: %d %v", status, answer)
		}
	}
}
