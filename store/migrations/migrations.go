// Package migrations holds the schema, as the steps that led to it: NNNN_name.sql, run in order, each once and in one
// transaction. A file that was released is never changed again; its checksum is kept in the database and compared.
//
// One text serves both databases. What only one of them understands stands in a comment that begins with its name and a
// colon, and is read by that one alone:
//
//	/*sqlite: WITHOUT ROWID */       clustered by the primary key
//	/*postgres: COLLATE "C" */       sorted by bytes, whatever the database's own order is
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

//go:embed *.sql
var files embed.FS

// A Migration is one step.
type Migration struct {
	Version  int64
	Name     string
	Text     string
	Checksum string // SHA-256 of Text, in hex
}

var fileName = regexp.MustCompile(`^([0-9]{4})_([a-z0-9_]+)\.sql$`)

// All returns the migrations in order.
func All() ([]Migration, error) { return Read(files) }

// Read returns the migrations of a folder in order. Versions count from 1 without a gap.
func Read(folder fs.FS) ([]Migration, error) {
	names, err := fs.Glob(folder, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for i, name := range names {
		parts := fileName.FindStringSubmatch(name)
		if parts == nil {
			return nil, fmt.Errorf("migration %s: the name must be NNNN_name.sql", name)
		}
		version, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return nil, err
		}
		if version != int64(i+1) {
			return nil, fmt.Errorf("migration %s: expected version %04d; versions count without a gap", name, i+1)
		}
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		all = append(all, Migration{Version: version, Name: parts[2], Text: string(text), Checksum: hex.EncodeToString(sum[:])})
	}
	return all, nil
}

var conditional = regexp.MustCompile(`(?s)/\*([a-z]+):(.*?)\*/`)

// For returns the text with the comments of one database opened and those of others gone.
func (m Migration) For(database string) string {
	return conditional.ReplaceAllStringFunc(m.Text, func(comment string) string {
		parts := conditional.FindStringSubmatch(comment)
		if parts[1] == database {
			return strings.TrimSpace(parts[2])
		}
		return ""
	})
}
