package deployment

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/deployment/strictyaml"
)

// Checks are what this package cannot know by itself: which extensions there are, and where secrets lie that a file only
// refers to.
type Checks struct {
	Dialects map[string]func(json.RawMessage) error // by name: what is wrong with these settings
	Policies map[string]func(json.RawMessage) error // likewise
	Ways     map[string]func(json.RawMessage) error // ways in that an API can ask for, none among them, and checks of their settings
	Grants   []string                               // grant types there are
	Getenv   func(string) (string, bool)            // nil: no environment may be read
	ReadFile func(string) ([]byte, error)           // nil: no files may be read
}

// Parse reads a deployment file. The error is strictyaml.Errors: every fault of the file with its place and its fix.
func Parse(name string, data []byte, checks Checks) ([]*File, error) {
	docs, err := strictyaml.Parse(name, data)
	if err != nil {
		return nil, err
	}
	var faults strictyaml.Errors
	var files []*File
	for _, d := range docs {
		f := &File{}
		if err := d.Decode(f); err != nil {
			faults = append(faults, err.(strictyaml.Errors)...)
			continue
		}
		c := checker{Checks: checks, folder: filepath.Dir(name), faults: &faults}
		c.file(f)
		files = append(files, f)
	}
	checkTogether(files, &faults)
	if len(docs) == 0 {
		faults.Add(strictyaml.Pos{File: name}, "the file is empty; it needs at least `realm: NAME`")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return files, nil
}

// Check checks files that were put together by a program, as Parse does those that it read.
func Check(files []*File, checks Checks) error {
	var faults strictyaml.Errors
	for _, f := range files {
		c := checker{Checks: checks, folder: ".", faults: &faults}
		c.file(f)
	}
	checkTogether(files, &faults)
	return faults.Err()
}

// checkTogether finds what only several documents can have wrong.
func checkTogether(files []*File, faults *strictyaml.Errors) {
	var realms, hosts []string
	for _, f := range files {
		if f.Realm != "" && slices.Contains(realms, f.Realm) {
			faults.Add(f.Of("realm"), "realm: %s is described twice; put everything of a realm into one document", f.Realm)
		}
		realms = append(realms, f.Realm)
		for _, h := range f.Hosts {
			h = strings.ToLower(h)
			if slices.Contains(hosts, h) {
				faults.Add(f.Of("hosts"), "hosts: %s is named twice; a host name leads to one realm", h)
			}
			hosts = append(hosts, h)
		}
	}
}
