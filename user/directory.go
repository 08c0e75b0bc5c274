package user

import "sallyport/feed"

// MaxNameLength is the longest user name there can be, in bytes.
const MaxNameLength = feed.MaxName

// directorySize is how many users are kept in memory, unknown names included.
const directorySize = 100_000

// A Directory finds users, in memory once they have been asked for.
type Directory = feed.Directory[User]

// NewDirectory returns a directory over store that hub keeps current.
func NewDirectory(store Store, hub *feed.Hub) *Directory {
	return feed.NewDirectory(hub, feed.User, directorySize, store.User)
}
