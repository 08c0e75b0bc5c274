package signature

import "sallyport/realm"

// settings say how calls are signed: `Authorization: DGRK KEY.SIGNATURE`, as digiRunner has it. The signature covers the
// body and nothing else of the call, so calls without a body all have the same one.
type settings struct {
	Replay realm.Duration `json:"replay"` // a signature that was used is refused for at least this long, on every node. Use it where every body differs; a call without a body is then refused from the second on. Default: a signature may come again
	Body   int64          `json:"body"`   // longest body that is looked at, in bytes; default 1048576
}
