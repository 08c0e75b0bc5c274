package app

import (
	"encoding"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"sallyport/deployment/strictyaml"
	"sallyport/web"
	"sallyport/web/trace"
)

// A setting is one field of Config that can be set from outside.
type setting struct {
	key   string // as in the file
	index int
	doc   string
}

func (s setting) flag() string { return strings.ReplaceAll(s.key, "_", "-") }
func (s setting) env() string  { return "SALLYPORT_" + strings.ToUpper(s.key) }

// settings lists the fields of Config, in their order.
func settings() []setting {
	docs := manual(configSource)["Config"]
	var all []setting
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "-" {
			all = append(all, setting{key: key, index: i, doc: docs.field(key).Doc})
		}
	}
	return all
}

// addFlags offers settings as flags: those named, or all.
func addFlags(flags *pflag.FlagSet, keys ...string) {
	flags.String("config", "", "YAML file with settings (env SALLYPORT_CONFIG)")
	defaults := reflect.ValueOf(Defaults())
	for _, s := range settings() {
		if len(keys) > 0 && !contains(keys, s.key) {
			continue
		}
		usage := strings.ReplaceAll(s.doc, "`", "") + " (env " + s.env() + ")"
		switch v := defaults.Field(s.index); v.Kind() {
		case reflect.Bool:
			flags.Bool(s.flag(), v.Bool(), usage)
		case reflect.Slice:
			flags.StringSlice(s.flag(), nil, usage)
		default:
			flags.String(s.flag(), fmt.Sprint(v.Interface()), usage)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// loadConfig reads the settings: flag over environment over file over default.
func loadConfig(flags *pflag.FlagSet, getenv func(string) (string, bool)) (Config, error) {
	c := Defaults()
	file, _ := flags.GetString("config")
	if file == "" {
		file, _ = getenv("SALLYPORT_CONFIG")
	}
	if file != "" {
		if err := readConfig(file, &c); err != nil {
			return c, err
		}
	}
	c.MasterKey, _ = getenv("SALLYPORT_MASTER_KEY")
	v := reflect.ValueOf(&c).Elem()
	for _, s := range settings() {
		text, ok := getenv(s.env())
		source := s.env()
		if f := flags.Lookup(s.flag()); f != nil && f.Changed {
			ok, source, text = true, "--"+s.flag(), f.Value.String()
			if list, isList := f.Value.(pflag.SliceValue); isList {
				text = strings.Join(list.GetSlice(), ",")
			}
		}
		if !ok {
			continue
		}
		if err := setText(v.Field(s.index), text); err != nil {
			return c, usage("%s: %v", source, err)
		}
	}
	return c, c.check()
}

func readConfig(file string, c *Config) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return usage("the settings cannot be read: %v", err)
	}
	docs, err := strictyaml.Parse(file, data)
	if err != nil {
		return usage("%v", err)
	}
	if len(docs) > 1 {
		return usage("%s: settings are one YAML document; this file has %d", file, len(docs))
	}
	for _, d := range docs {
		if err := d.Decode(c); err != nil {
			return usage("%v", err)
		}
	}
	return nil
}

// setText sets a field from the text of a flag or a variable.
func setText(v reflect.Value, text string) error {
	if t, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return t.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		v.SetBool(b)
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("want a whole number")
		}
		v.SetInt(n)
	case reflect.Slice:
		var list []string
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		v.Set(reflect.ValueOf(list))
	default:
		v.SetString(text)
	}
	return nil
}

// check sees that the settings make sense together. Its words name the setting as the file has it.
func (c *Config) check() error {
	var level slog.Level
	switch {
	case c.LogFormat != "text" && c.LogFormat != "json":
		return usage("log_format: %.40q is not a format; use text or json", c.LogFormat)
	case level.UnmarshalText([]byte(c.LogLevel)) != nil:
		return usage("log_level: %.40q is not a level; use debug, info, warn or error", c.LogLevel)
	case c.AccessLogFormat != "" && c.AccessLogFormat != accessInLog && c.AccessLogFormat != accessJSON && c.AccessLogFormat != accessCombined:
		return usage("access_log_format: %.40q is not a form; use log, json or combined", c.AccessLogFormat)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return usage("tls_cert, tls_key: only one of them is set; TLS needs both")
	case c.TLSCert != "" && len(c.ACMEDomains) > 0:
		return usage("acme_domains, tls_cert: both are set; use one of them")
	case c.TLSClientCA != "" && c.TLSCert == "" && len(c.ACMEDomains) == 0:
		return usage("tls_client_ca: is set without TLS; set tls_cert and tls_key, or acme_domains, as well")
	case len(c.ACMEDomains) == 0 && c.ACMEHTTPListen+c.ACMEDirectory+c.ACMECARoot+c.ACMEEmail != "":
		return usage("acme_domains: is empty, though other settings of ACME are set; name the domains to obtain certificates for")
	case c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://"):
		return usage("database: it is not a PostgreSQL URL; use postgres://user@host/name, or leave it out for SQLite in the data folder")
	case c.Data == "" && c.Database == "":
		return usage("data: is empty; name a folder, or use PostgreSQL by database")
	case c.Data == "" && c.MasterKeyFile == "":
		return usage("master_key_file: is needed when data is empty")
	case c.MaxHeaderBytes < 4<<10 || c.MaxHeaderBytes > 16<<20:
		return usage("max_header_bytes: %d is out of bounds; use 4096 to 16777216", c.MaxHeaderBytes)
	case c.CacheBytes != 0 && c.CacheBytes < 1<<20:
		return usage("cache_bytes: %d is out of bounds; use 1048576 or more, or 0 for 64 MiB", c.CacheBytes)
	case c.TraceEvery < 0:
		return usage("trace_every: %d is no number of traces; use 1 for each, 100 for one in a hundred", c.TraceEvery)
	case c.PasswordWorkers < 0 || c.PasswordWorkers > 1024:
		return usage("password_workers: %d is out of bounds; use 0 to 1024", c.PasswordWorkers)
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return usage("public_url: it is not the address of a server; write it like https://auth.example.org")
		}
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
	if err := c.checkListeners(); err != nil {
		return err
	}
	if err := c.checkOutgoing(); err != nil {
		return err
	}
	if err := c.checkACME(); err != nil {
		return err
	}
	if c.OTLPEndpoint != "" {
		if err := trace.CheckEndpoint(c.OTLPEndpoint); err != nil {
			return usage("otlp_endpoint: %v", err)
		}
	}
	if _, err := web.ParseProxies(c.TrustedProxies); err != nil {
		return usage("%v", err)
	}
	return nil
}

// publicURL is what issuers are made from.
func (c *Config) publicURL() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	if len(c.ACMEDomains) > 0 {
		return "https://" + c.ACMEDomains[0]
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil { // checked before
		return "http://" + c.Listen
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "localhost" // a listener may be on every address, but a client connects to one
	}
	if c.TLSCert != "" {
		return "https://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}

// checkListeners checks the addresses of all listeners.
func (c *Config) checkListeners() error {
	for _, l := range []struct{ key, address string }{
		{"listen", c.Listen}, {"gateway_listen", c.GatewayListen}, {"admin_listen", c.AdminListen}, {"metrics_listen", c.MetricsListen}, {"acme_http_listen", c.ACMEHTTPListen},
	} {
		if _, _, err := net.SplitHostPort(l.address); err != nil && (l.address != "" || l.key == "listen") {
			return usage("%s: %.80q is no address with a port; write it like 127.0.0.1:8089, or :8089 for every address", l.key, l.address)
		}
	}
	return nil
}

func (c *Config) masterKeyFile() string {
	if c.MasterKeyFile != "" {
		return c.MasterKeyFile
	}
	return filepath.Join(c.Data, "master.key")
}

// adminSocket is where `sallyport explain` finds the server, "" for nowhere.
func (c *Config) adminSocket() string {
	if c.AdminSocket != "" || c.Data == "" {
		return c.AdminSocket
	}
	return filepath.Join(c.Data, "sallyport.sock")
}

// storeURL is what the store opens: a PostgreSQL URL or a file.
func (c *Config) storeURL() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "sallyport.db")
}
