package signature

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/usage"
)

// first sees that a signature was not used within the replay window. Time is cut into pieces as long as the window; a
// signature that is used takes its place in the piece of that moment and in the next, and is refused where a place is
// taken: for as long as the window, and at most twice that. The places are durable and shared by all nodes.
func (p *signature) first(ctx context.Context, c *policy.Call, key *credential.Held, mac []byte) error {
	window := p.Replay.Std()
	if window <= 0 {
		return nil
	}
	hash := sha256.Sum256(mac)
	subject := "replay/" + key.ID + "/" + hex.EncodeToString(hash[:16])
	begin := c.Time.Truncate(window)
	for range 2 {
		end := begin.Add(window)
		granted, _, err := p.Replays.LeaseUsage(ctx, usage.Counter{Realm: c.Realm.Name, Subject: subject, From: begin, Until: end}, 1, 1)
		if err != nil {
			return oauth.Because(oauth.Unavailable, err)
		}
		if granted == 0 {
			if key.Uses > 0 {
				p.Uses.Refund(key.Count)
			}
			return &policy.Refusal{
				Status: 401, Reason: policy.SignatureReplay, Scheme: scheme, Detail: "The same signature was used before.",
				Facts: []policy.Fact{{Name: "key", Value: key.ID, Public: true}, {Name: "window", Value: window.Round(time.Second).String(), Public: true}},
				Fix:   "Send something in the body that differs from call to call, such as the time.",
			}
		}
		begin = end
	}
	return nil
}
