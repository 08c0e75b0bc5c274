package registration

import (
	"context"
	"encoding/json"
	"slices"

	"sallyport/client"
	"sallyport/realm"
)

// A Fetcher gets a document from where a client says. It is guarded: package fetch has it.
type Fetcher interface {
	Get(ctx context.Context, url string) ([]byte, error)
}

// maxSector is the longest document behind a sector identifier, in bytes.
const maxSector = 256 << 10

// CheckSector sees that the document behind a client's sector identifier lists all of its redirect URIs (OpenID Connect
// Registration section 5): otherwise anybody could learn the subjects of another's sector.
func CheckSector(ctx context.Context, f Fetcher, c *client.Client) error {
	const field = "sector_identifier_uri"
	at := c.OpenID.SectorIdentifierURI
	if at == "" {
		return nil
	}
	text, err := f.Get(ctx, at)
	if err != nil {
		e := Bad(field, "%s could not be fetched; it must answer with a JSON array of redirect URIs", realm.Show(at))
		e.Err = err
		return e
	}
	var listed []string
	if len(text) > maxSector || json.Unmarshal(text, &listed) != nil || listed == nil {
		return Bad(field, "%s is not a JSON array of redirect URIs", realm.Show(at))
	}
	for _, raw := range c.RedirectURIs {
		if !slices.Contains(listed, raw) {
			return Bad(field, "the document does not list %s; add it there", realm.Show(raw))
		}
	}
	return nil
}
