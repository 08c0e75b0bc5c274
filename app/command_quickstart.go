package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sallyport/deployment"
	"sallyport/examples"
	"sallyport/gateway/demo"
	"sallyport/realm"
)

func (c *command) quickstart() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quickstart",
		Short: "Serve the examples of three products' pages, with an upstream to call",
		Long: `Serves what examples/quickstart.yaml describes and a demonstration upstream behind the gateway, and prints the calls to
try. Nothing is kept unless --data is given. The passwords are public: this is for trying, not for the network.`,
		Example: "  sallyport quickstart\n  sallyport quickstart --listen 127.0.0.1:8090 --data try",
		Args:    cobra.NoArgs,
	}
	addFlags(cmd.Flags(), "listen", "data", "public_url", "log_level", "log_format", "log_requests", "metrics_listen")
	flag := cmd.Flags().Lookup("data")
	flag.DefValue, flag.Usage = "", "folder to keep the data in; empty: a temporary one, removed at the end"
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := loadConfig(cmd.Flags(), c.Getenv)
		if err != nil {
			return err
		}
		config.Database = ""
		config.DrainTimeout = realm.Duration(2 * time.Second)
		if !cmd.Flags().Changed("log-level") {
			config.LogLevel = "warn" // what is printed is what to try
		}
		if !cmd.Flags().Changed("data") {
			if config.Data, err = os.MkdirTemp("", "sallyport-quickstart-"); err != nil {
				return err
			}
			defer os.RemoveAll(config.Data)
		}
		config.Log = newLog(config, c.Stderr)
		config.Version = versionOf(c.Process.Version).Version
		return c.try(cmd.Context(), config)
	}
	return cmd
}

// try serves the examples.
func (c *command) try(ctx context.Context, config Config) error {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("the demonstration upstream cannot listen: %w", err)
	}
	server := &http.Server{Handler: demo.Handler(time.Now), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(upstream) }() // ends when it is closed below
	defer server.Close()
	prepare := func(ctx context.Context, a *App) error {
		return a.applyExamples(ctx, "http://"+upstream.Addr().String())
	}
	return c.run(ctx, config, prepare, func(addr string) { printCalls(c.Stdout, "http://"+addr) })
}

// applyExamples stores the embedded deployment, its APIs in front of the given upstream.
func (a *App) applyExamples(ctx context.Context, upstream string) error {
	files, err := deployment.Parse("quickstart.yaml", examples.Quickstart, checks(nil, nil))
	if err != nil {
		return err
	}
	for _, f := range files {
		for i := range f.APIs {
			f.APIs[i].Upstream = upstream
		}
	}
	return a.change(ctx, files)
}

// printCalls writes the calls of the pages, to be copied into a shell.
func printCalls(w io.Writer, base string) {
	fmt.Fprintf(w, `Sallyport listens on %[1]s with the examples of three products' pages. Ctrl-C ends it.

# digiRunner: password mode, the API behind the gateway, refresh
curl -s -X POST '%[1]s/oauth/token' -H 'Authorization: Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0=' -d 'grant_type=password' -d 'username=tspuser' -d 'password=dXNlcjEyM2FiY2Q=' | tee answer.json; echo
curl -i '%[1]s/orders/1' -H "Authorization: Bearer $(sed 's/.*"access_token":"\([^"]*\)".*/\1/' answer.json)"
curl -s -X POST '%[1]s/oauth/token' -H 'Authorization: Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0=' -d 'grant_type=refresh_token' -d "refresh_token=$(sed 's/.*"refresh_token":"\([^"]*\)".*/\1/' answer.json)"; echo

# DDI Central: client credentials as JSON, reading DNS zones
curl -s -X POST '%[1]s/oauth2/token/' -H 'Content-Type: application/json' -d '{"client_id":"ab5a442c7d57bd3dcbdc0675e9bdd9f6e6d67d1171b043939ff5","client_secret":"8c7f2eb1609125d43e945cee63501dff80c461166ccfe15291","grant_type":"client_credentials"}' | tee answer.json; echo
curl -i '%[1]s/api/dns/zone/' -H "Authorization: Bearer $(sed 's/.*"access_token":"\([^"]*\)".*/\1/' answer.json)"

# Kustvakt: password grant of a super client, a search
curl -s -H 'Authorization: Basic ZFJKbnBGSDZSSFRyNkw3Yk5ocm43RjpfSUdhUXF2VVVyUFR6UktKdnFQWW5B' -d 'grant_type=password&client_id=dRJnpFH6RHTr6L7bNhrn7F&username=dory&password=dorypass&scope=search match_info' '%[1]s/api/oauth2/token' | tee answer.json; echo
curl -i '%[1]s/api/v1.0/search?q=Sonne' -H "Authorization: Bearer $(sed 's/.*"access_token":"\([^"]*\)".*/\1/' answer.json)"

# The standard endpoints
curl -s '%[1]s/.well-known/oauth-authorization-server'; echo
curl -s -u standard:standard-secret -d 'grant_type=client_credentials&scope=read' '%[1]s/token' | tee answer.json; echo
curl -i '%[1]s/api/dns/zone/' -H "Authorization: Bearer $(sed 's/.*"access_token":"\([^"]*\)".*/\1/' answer.json)"

# Sign in as dory with the password dorypass: the account page, and an application that asks who is there
#   open %[1]s/account
#   open '%[1]s/authorize?client_id=webapp&redirect_uri=%[2]s%%2Fwelcome&response_type=code&scope=openid%%20profile%%20email&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256'
# and redeem the code that the page shows at the end of its address, within a minute:
curl -s '%[1]s/token' -d 'grant_type=authorization_code&client_id=webapp&redirect_uri=%[2]s%%2Fwelcome&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&code=CODE'

# Refusals: no token, garbage, a token without the scope
curl -i '%[1]s/orders/1'
curl -i '%[1]s/orders/1' -H 'Authorization: Bearer garbage'
curl -i '%[1]s/orders/1' -H "Authorization: Bearer $(sed 's/.*"access_token":"\([^"]*\)".*/\1/' answer.json)"
`, base, url.QueryEscape(base))
}
