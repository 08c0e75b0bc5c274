package store

import (
	"context"
	"errors"
	"fmt"

	"sallyport/oauth"
	"sallyport/store/engine"
)

// fault gives an engine's error the form that leaves this package.
func fault(op string, err error) error {
	if err == nil {
		return nil
	}
	named := fmt.Errorf("store: %s: %w", op, err)
	// A deadline that passed while the database was asked is the database's fault; a caller who left is not.
	if engine.IsAway(err) || errors.Is(err, context.DeadlineExceeded) {
		return oauth.Because(oauth.Unavailable, named)
	}
	return named
}
