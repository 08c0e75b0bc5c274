package api

import (
	"net/url"
	"strings"
)

// ModuleName returns the module that an API belongs to: the first segment of its path, unless it says.
func (a *API) ModuleName() string {
	if a.Module != "" {
		return a.Module
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(a.Path, "/"), "/")
	if plain, err := url.PathUnescape(first); err == nil {
		return plain
	}
	return first
}
