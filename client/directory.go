package client

import "sallyport/feed"

// MaxIDLength is the longest client id there can be, in bytes.
const MaxIDLength = feed.MaxName

// directorySize is how many clients are kept in memory, unknown ids included.
const directorySize = 200_000

// A Directory finds clients, in memory once they have been asked for.
type Directory = feed.Directory[Client]

// NewDirectory returns a directory over store that hub keeps current.
func NewDirectory(store Store, hub *feed.Hub) *Directory {
	return feed.NewDirectory(hub, feed.Client, directorySize, store.Client)
}
