// Package dialect says what a dialect is: the same engine behind another product's token service, with that product's
// paths, parameters, answers and wording. Each folder below this one is one dialect and can be read beside the contract
// of its product. A dialect translates; it decides nothing that the pipeline of package grant decides.
package dialect

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"sallyport/authorize"
	"sallyport/claims"
	"sallyport/client"
	"sallyport/grant"
	"sallyport/key"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

// Deps is what a dialect works with.
type Deps struct {
	Engine  *grant.Engine
	Tokens  *token.Service
	Keys    *key.Ring
	Realms  *realm.Directory
	Clients *client.Directory
	Users   *user.Directory
	Flows   *authorize.Flows
	Codes   *authorize.Codes
	Claims  *claims.Mapper
	Log     *slog.Logger
	Now     func() time.Time

	Live, Ready http.Handler // whether the process lives, and whether it should be sent requests; nil: nobody is told
}

// A Dialect is one product's front door.
type Dialect interface {
	// Name is what realms call it in their list of dialects.
	Name() string
	// Routes are its paths below the realm's root. The realm is in the request's context and opens this dialect.
	Routes() web.Routes
	// CheckSettings reports what is wrong with a realm's settings for this dialect, nil if nothing. Unknown keys are an
	// error.
	CheckSettings(settings json.RawMessage) error
	// Refuse writes a refusal of the gateway in the product's own error shape. Of the call it may be that little is known.
	Refuse(w http.ResponseWriter, r *http.Request, c *policy.Call, refusal *policy.Refusal)
}

// A Caller is the dialect of a product that has APIs called by paths of its own. They lead to the same APIs, which are
// decided on by the paths that they are registered under.
type Caller interface {
	Dialect
	// Calls returns what reads such a path in a realm with these settings, which have been checked. The path is as it was
	// received, below the realm's root; ok is false if it is none of the product's.
	Calls(settings json.RawMessage) func(host, path string) (to web.Called, ok bool)
}
