//go:build clients

package clients_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Apache's server with mod_auth_openidc, as Debian has them. CAPITALS are put in by the test.
const apacheConfig = `
ServerRoot DIR
ServerName localhost
PidFile DIR/pid
DefaultRuntimeDir DIR
ErrorLog DIR/error.log
LogLevel info auth_openidc:debug
User www-data
Group www-data
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authn_core_module MODULES/mod_authn_core.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule authz_user_module MODULES/mod_authz_user.so
LoadModule auth_openidc_module MODULES/mod_auth_openidc.so
LoadModule dir_module MODULES/mod_dir.so
LoadModule mime_module MODULES/mod_mime.so
LoadModule include_module MODULES/mod_include.so
LoadModule ssl_module MODULES/mod_ssl.so
Mutex file:DIR default
Listen ADDRESS
SSLEngine on
SSLCertificateFile CERTIFICATE
SSLCertificateKeyFile KEY
SSLSessionCache none
TypesConfig /dev/null
AddType text/html .html
DirectoryIndex index.html
DocumentRoot DIR/www

OIDCProviderMetadataURL ISSUER/.well-known/openid-configuration
OIDCCABundlePath DIR/ca.pem
OIDCHTTPTimeoutLong 20
OIDCClientID apache
OIDCClientSecret apache-secret-1
OIDCRedirectURI https://SELF/private/callback
OIDCCryptoPassphrase a-passphrase-of-the-test
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCResponseMode MODE
OIDCRemoteUserClaim preferred_username
OIDCSessionInactivityTimeout 300

<Directory DIR/www>
  Require all granted
  Options +Includes
  SetOutputFilter INCLUDES
</Directory>
<Location /private>
  AuthType openid-connect
  Require valid-user
</Location>
`

// TestApache protects a page by mod_auth_openidc, gets to it, and is kept from it again after signing out: at the page, and at
// the provider, which tells the module.
func TestApache(t *testing.T) {
	for _, mode := range []string{"query", "form_post"} {
		t.Run(mode, func(t *testing.T) { apache(t, mode) })
	}
}

func apache(t *testing.T, mode string) {
	addr := freePort(t)
	self := localhost(addr)
	op := provide(t, strings.ReplaceAll(`realm: default
clients:
  - id: apache
    name: Staff pages
    secret: apache-secret-1
    grants: [authorization_code]
    scopes: [openid, profile, email]
    redirect_uris: ["https://SELF/private/callback"]
    openid:
      post_logout_redirect_uris: ["https://SELF/"]
      backchannel_logout_uri: "https://SELF/private/callback?logout=backchannel"
      backchannel_logout_session_required: true
`, "SELF", self)+peopleYAML)
	startApache(t, op, addr, mode)
	p := sitDown(t, op)
	page := "https://" + self + "/private/"

	p.visit(page)
	if want := []string{"/signin", "/signin/consent"}; !slices.Equal(p.seen, want) {
		t.Errorf("the pages were %q, want %q", p.seen, want)
	}
	if got, want := p.text(), "Hello dory, that is Dory Sample, dory@example.org."; got != want {
		t.Fatalf("the page says %q, want %q", got, want)
	}
	p.visit(page + "callback?logout=https%3A%2F%2F" + self + "%2F")
	if got := p.text(); got != "Anybody may read this." {
		t.Errorf("signed out, and the page says %q", got)
	}
	p.open(page)
	if got := p.path(); got != "/signin" {
		t.Fatalf("signed out at the page, and nobody asks: at %s", p.where())
	}

	p.carryOn()
	if got := p.text(); !strings.HasPrefix(got, "Hello dory") {
		t.Fatalf("the page says %q", got)
	}
	p.open("/account")
	p.click(`form[action$="/account/signout"] button`)
	var at string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		p.open(page)
		if at = p.path(); at == "/signin" {
			return
		}
	}
	t.Errorf("signed out at the provider, and the page is still open: at %q, %s", at, p.where())
}

// text is what the page says.
func (p *person) text() string {
	p.t.Helper()
	return strings.TrimSpace(ask[string](p, "document.body.innerText"))
}

// startApache starts Apache's server with two pages, one of them for those who signed in.
func startApache(t *testing.T, op *provider, addr, mode string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sallyport-apache-") // the server's own user reads it, who is somebody else if root runs the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := strings.NewReplacer("DIR", dir, "MODULES", "/usr/lib/apache2/modules", "ADDRESS", addr, "SELF", localhost(addr), "ISSUER", op.url,
		"MODE", mode, "CERTIFICATE", op.ca, "KEY", op.key).Replace(apacheConfig)
	ca, err := os.ReadFile(op.ca)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"httpd.conf": config, "ca.pem": string(ca),
		"www/index.html":         "<!doctype html><title>open</title>Anybody may read this.",
		"www/private/index.html": `<!doctype html><title>private</title>Hello <!--#echo var="REMOTE_USER" -->, that is <!--#echo var="OIDC_CLAIM_name" -->, <!--#echo var="OIDC_CLAIM_email" -->.`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if log, _ := os.ReadFile(filepath.Join(dir, "error.log")); t.Failed() {
			t.Logf("Apache's server wrote\n%s", log[max(0, len(log)-6000):])
		}
	})
	program := "/usr/sbin/apache2" // which is not on everybody's path
	start(t, addr, program, "-f", filepath.Join(dir, "httpd.conf"), "-D", "FOREGROUND")
}
