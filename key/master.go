package key

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Master is the key under which private keys and secrets are kept in the store.
type Master [32]byte

// String hides the key from logs.
func (Master) String() string { return "[master key]" }

// GoString hides the key from %#v.
func (Master) GoString() string { return "[master key]" }

// LoadMaster returns the master key: the text env (32 bytes in base64 or hex) if it is not empty, otherwise the content of
// the file at path, which is made at the first start. Of several processes that start at once, one makes the file and
// all return its key. A file that others may read is refused.
func LoadMaster(path, env string) (Master, error) {
	if env = strings.TrimSpace(env); env != "" {
		m, ok := parseMaster(env)
		if !ok {
			return m, errors.New("master key: the value given is not 32 bytes in base64 or hex; make one with: openssl rand -base64 32")
		}
		return m, nil
	}
	m, err := readMaster(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	if err := makeMaster(path); err != nil {
		return Master{}, fmt.Errorf("master key: cannot make %s: %w", path, err)
	}
	return readMaster(path)
}

func parseMaster(text string) (m Master, ok bool) {
	if b, err := hex.DecodeString(text); err == nil && len(b) == len(m) {
		return Master(b), true
	}
	text = strings.TrimRight(text, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(text); err == nil && len(b) == len(m) {
			return Master(b), true
		}
	}
	return m, false
}

// readMaster reads the file. One that is not complete yet may be in the making by another process on a file system
// without hard links: it is given a second.
func readMaster(path string) (Master, error) {
	for try := 0; ; try++ {
		info, err := os.Stat(path)
		if err != nil {
			return Master{}, fmt.Errorf("master key: %w", err)
		}
		// Windows has no such bits: there, the folder's access list decides.
		if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
			return Master{}, fmt.Errorf("master key: %s may be read by others (mode %04o); it would open every private key. Run: chmod 600 %s", path, mode, path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return Master{}, fmt.Errorf("master key: %w", err)
		}
		if m, ok := parseMaster(strings.TrimSpace(string(text))); ok {
			return m, nil
		}
		if try == 20 {
			return Master{}, fmt.Errorf("master key: %s does not hold 32 bytes in base64 or hex; restore it from a backup, "+
				"or, if nothing stored matters yet, delete it and start again", path)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// makeMaster writes a new key beside path and links it to path, so that the file is there whole or not at all and an
// existing one is never replaced.
func makeMaster(path string) error {
	var m Master
	_, _ = rand.Read(m[:]) // never fails
	text := base64.StdEncoding.EncodeToString(m[:]) + "\n"
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".master-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := fill(tmp, text); err != nil {
		return err
	}
	err = os.Link(tmp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// No hard links here: exclusive creation is the next best.
		var f *os.File
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			err = fill(f, text)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was first
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func fill(f *os.File, text string) error {
	_, err := f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // cannot be opened for that
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
