package app

import (
	_ "embed"
	"io"
	"log/slog"
	"net"
	"time"

	"sallyport/realm"
)

// configSource is this file: the reference page and the help of the flags are made from its comments.
//
//go:embed config.go
var configSource string

// Config holds the settings of a server: where it listens, where it keeps its data, what it logs. What it *serves* is not
// here but in the database, and travels by apply and export.
//
// Every setting can be given as a flag (--public-url), as an environment variable (SALLYPORT_PUBLIC_URL) or in the file
// that --config or SALLYPORT_CONFIG names (public_url: …). The flag wins over the variable, the variable over the file,
// the file over the default. A key that is not listed here is refused. The master key under which private keys are
// stored is a secret, and so has no flag: SALLYPORT_MASTER_KEY holds it (32 bytes in Base64 or hex), or the file that
// master_key_file names.
type Config struct {
	Listen        string `yaml:"listen"`         // address of the listener that serves everything that has no listener of its own
	GatewayListen string `yaml:"gateway_listen"` // address of a listener for the registered APIs alone; they are then served nowhere else
	AdminListen   string `yaml:"admin_listen"`   // address of a listener for /healthz, /readyz and /metrics
	MetricsListen string `yaml:"metrics_listen"` // address of a listener for /metrics alone
	AdminSocket   string `yaml:"admin_socket"`   // Unix socket, for this user alone, by which `sallyport explain` asks the running server. Default: sallyport.sock in the data folder

	PublicURL string `yaml:"public_url"` // URL under which clients reach the server, without a final slash; issuers are made from it. Default: made from listen
	TLSCert   string `yaml:"tls_cert"`   // PEM file with the certificate chain; turns TLS on for the main and the gateway listener, and is read again when it changes
	TLSKey    string `yaml:"tls_key"`    // PEM file with the private key of the certificate

	TLSClientCA string `yaml:"tls_client_ca"` // PEM file with the authorities whose client certificates are believed, where a client sends one; read again when it changes

	ACMEDomains    []string `yaml:"acme_domains"`     // names to obtain certificates for, by ACME, in place of tls_cert; the terms of the authority are agreed to by naming one. It connects to port 443 of each name, which has to lead to the main listener
	ACMEEmail      string   `yaml:"acme_email"`       // whom the authority tells of trouble with a certificate
	ACMEDirectory  string   `yaml:"acme_directory"`   // URL of the authority's directory; default: Let's Encrypt
	ACMECARoot     string   `yaml:"acme_ca_root"`     // PEM file with the authority of the directory's own certificate, where the system does not know it
	ACMEHTTPListen string   `yaml:"acme_http_listen"` // address of a listener, to which port 80 of each name leads, that answers the authority as well and sends people on to https; empty: port 443 is enough

	Data          string `yaml:"data"`            // folder of the SQLite file and the master key; it is made when absent
	Database      string `yaml:"database"`        // postgres:// URL; without one, SQLite in the data folder
	MasterKeyFile string `yaml:"master_key_file"` // file of the master key, made at first start with mode 0600; default: master.key in the data folder

	TrustedProxies []string `yaml:"trusted_proxies"` // addresses and prefixes (10.0.0.0/8) of proxies whose X-Forwarded-For is believed

	SMTPURL  string `yaml:"smtp_url"`  // mail server: smtp://user:password@mail.example.org:587 (TLS by STARTTLS) or smtps://…:465; empty: no mails are sent, so nobody can reset a password by one
	MailFrom string `yaml:"mail_from"` // sender of mails, like `Example <login@example.org>`

	FetchNetworks []string `yaml:"fetch_networks"` // networks of yours, besides the Internet, to which URLs of clients may lead: their jwks_uri, request_uri, sector_identifier_uri and backchannel_logout_uri
	FetchCA       string   `yaml:"fetch_ca"`       // PEM file with authorities of your own that vouch for the servers behind such URLs

	LogFormat   string `yaml:"log_format"`   // `text` or `json`
	LogLevel    string `yaml:"log_level"`    // `debug`, `info`, `warn` or `error`
	LogRequests bool   `yaml:"log_requests"` // one line for every request

	AccessLogFormat string `yaml:"access_log_format"` // form of the lines of log_requests: `log`, among the others in their form; or on the standard output, `json` or `combined` (as Apache's server has it)

	OTLPEndpoint string `yaml:"otlp_endpoint"` // URL of an OpenTelemetry collector that takes traces by OTLP over HTTP, like http://127.0.0.1:4318; empty: nothing is traced, and a caller's trace passes through. OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES are heeded
	TraceEvery   int    `yaml:"trace_every"`   // of the traces that begin here, one in so many is recorded; a trusted proxy decides for those that it began

	ReadHeaderTimeout realm.Duration `yaml:"read_header_timeout"` // how long a client may take to send the head of a request
	ReadTimeout       realm.Duration `yaml:"read_timeout"`        // how long it may take to send the body of a request; for a call that is let through, the time between two pieces counts instead
	IdleTimeout       realm.Duration `yaml:"idle_timeout"`        // how long a connection may wait for its next request
	MaxHeaderBytes    int            `yaml:"max_header_bytes"`    // largest head of a request
	DrainDelay        realm.Duration `yaml:"drain_delay"`         // at the end: how long /readyz says 503 before the listeners close, so that balancers look away first
	DrainTimeout      realm.Duration `yaml:"drain_timeout"`       // at the end: how long requests under way may take to finish

	CacheBytes int `yaml:"cache_bytes"` // memory for what the cache policies of all APIs together store; 0: 64 MiB

	PasswordWorkers int `yaml:"password_workers"` // passwords that are checked side by side; 0: one less than there are processors

	MasterKey string `yaml:"-"` // the text of SALLYPORT_MASTER_KEY

	Version string `yaml:"-"` // of the program, for the metrics

	Now func() time.Time `yaml:"-"` // tests set the clock; nil: time.Now
	Log *slog.Logger     `yaml:"-"` // nil: made from log_format and log_level

	AccessLog io.Writer `yaml:"-"` // for access_log_format; nil: the standard output

	ListenOn func(network, address string) (net.Listener, error) `yaml:"-"` // nil: net.Listen
}

// Defaults returns the settings of a server that was told nothing.
func Defaults() Config {
	return Config{
		Listen:            "127.0.0.1:8089",
		Data:              "sallyport-data",
		LogFormat:         "text",
		LogLevel:          "info",
		AccessLogFormat:   accessInLog,
		TraceEvery:        1,
		ReadHeaderTimeout: realm.Duration(10 * time.Second),
		ReadTimeout:       realm.Duration(30 * time.Second),
		IdleTimeout:       realm.Duration(2 * time.Minute),
		MaxHeaderBytes:    64 << 10,
		DrainTimeout:      realm.Duration(20 * time.Second),
	}
}
