package key

// Master is the key under which private keys and secrets are kept in the store.
type Master [32]byte

// LoadMaster returns the master key: the text env (32 bytes in base64 or hex) if it is not empty, otherwise the content of
// the file at path, which is made at the first start.
func LoadMaster(path, env string) (Master, error) { return Master{}, errSkeleton }
