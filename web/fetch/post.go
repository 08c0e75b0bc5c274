package fetch

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Post sends a body to a URL and returns the status of the answer, whatever that is. A redirect is an answer as well: what is
// sent was meant for the one place. The answer's body is not kept.
func (f *Fetcher) Post(ctx context.Context, raw, contentType string, body []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.time)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, raw, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if err := f.check(r.URL); err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "sallyport")
	answer, err := f.straight.Do(r)
	if err != nil {
		return 0, err
	}
	_ = answer.Body.Close() // the status says it all
	return answer.StatusCode, nil
}
