//go:build clients

package clients_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// clientsYAML are the clients that the scripts are. BASE is where their redirect URIs lead.
const clientsYAML = `realm: default
registration: {mode: open}
clients:
  - id: shop
    name: The Shop
    secret: shop-secret-1
    grants: [authorization_code, refresh_token]
    scopes: [openid, profile, email, offline_access, read]
    redirect_uris: [BASE/callback]
    openid: {post_logout_redirect_uris: [BASE/bye]}
  - id: phone
    name: The Phone
    type: public
    grants: [authorization_code, refresh_token]
    scopes: [openid, profile, email, offline_access]
    redirect_uris: [http://127.0.0.1/callback]
`

// An installation is a folder in which a package manager has put what a client needs.
type installation struct {
	once sync.Once
	dir  string
	said []byte
	err  error
}

var nodePackages, pythonPackages installation

// of fills the folder of an installation once, by a command that is run there, from files of the repository.
func (i *installation) of(t *testing.T, files []string, name string, args ...string) string {
	t.Helper()
	i.once.Do(func() {
		if i.dir, i.err = os.MkdirTemp(filepath.Dir(binary), "installed-"); i.err != nil {
			return
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err == nil {
				err = os.WriteFile(filepath.Join(i.dir, filepath.Base(f)), text, 0o600)
			}
			if err != nil {
				i.err = err
				return
			}
		}
		cmd := exec.Command(name, args...)
		cmd.Dir = i.dir
		i.said, i.err = cmd.CombinedOutput()
	})
	if i.err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), i.err, i.said)
	}
	return i.dir
}

// node has the packages of clients/node installed, as the lock file has them, and returns their folder.
func node(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("node/*")
	if err != nil {
		t.Fatal(err)
	}
	return nodePackages.of(t, files, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
}

// python has the packages of clients/python installed, and returns the folder.
func python(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("python/*")
	if err != nil {
		t.Fatal(err)
	}
	return pythonPackages.of(t, files, "sh", "-c",
		"python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --requirement requirements.txt")
}

func TestNode(t *testing.T) {
	common := []string{"discovery"}
	for file, want := range map[string][]string{
		"openid-client.mjs": append(common, "code with PKCE", "a code that is used again ends what the first use gave", "UserInfo", "refresh",
			"introspection", "revocation", "pushed authorization request", "form_post", "registration", "private_key_jwt",
			"signed request object", "signed request object, pushed", "sign-out"),
		"oauth4webapi.mjs": {
			"discovery, of both kinds", "public client, code with PKCE", "public client, refresh and UserInfo", "public client without PKCE is refused",
			"pushed request, introspection and revocation by client_secret_basic", "pushed request, introspection and revocation by client_secret_post",
			"registration, signed request object and private_key_jwt by RS256", "registration, signed request object and private_key_jwt by PS256",
			"registration, signed request object and private_key_jwt by ES256", "registration, signed request object and private_key_jwt by Ed25519",
			"sign-out", "client_secret_jwt", "registration is read and ended",
		},
	} {
		t.Run(strings.TrimSuffix(file, ".mjs"), func(t *testing.T) {
			t.Parallel()
			drive(t, want, node(t), "node", file)
		})
	}
}

func TestPython(t *testing.T) {
	drive(t, []string{
		"discovery", "code with PKCE", "UserInfo", "refresh", "introspection", "revocation", "registration", "private_key_jwt", "sign-out",
	}, python(t), "venv/bin/python", "authlib_client.py")
}

// drive runs a client's script against a provider of its own, and somebody opens the pages that it sends people to.
func drive(t *testing.T, want []string, dir, name string, args ...string) {
	base := "http://" + freePort(t)
	op := provide(t, strings.ReplaceAll(clientsYAML, "BASE", base)+peopleYAML)
	p := sitDown(t, op)
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ISSUER="+op.url, "BASE="+base, "NODE_EXTRA_CA_CERTS="+op.ca, "REQUESTS_CA_BUNDLE="+op.ca, "PYTHONUNBUFFERED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	impatient := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer impatient.Stop()
	var passed []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "visit "); ok {
			p.visit(address)
			if at := p.path(); at != "" {
				t.Fatalf("after %q nobody came back to the client, %v\nat %s", passed, p.seen, p.where())
			}
		} else if what, ok := strings.CutPrefix(lines.Text(), "passed "); ok {
			passed = append(passed, what)
		} else {
			t.Log(lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("after %q: %v\n%s", passed, err, errs.String())
	}
	if !slices.Equal(passed, want) {
		t.Errorf("passed %q,\nwant   %q", passed, want)
	}
}
