package migrations_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"sallyport/store/migrations"
)

func TestBuiltIn(t *testing.T) {
	all, err := migrations.All()
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, m := range all {
		lite, pg := m.For("sqlite"), m.For("postgres")
		if strings.Contains(lite, "COLLATE") || strings.Contains(pg, "ROWID") || strings.Contains(lite+pg, "/*") {
			t.Errorf("%04d_%s: what is for one database reaches the other", m.Version, m.Name)
		}
	}
	// A released migration never changes; a new one is a new file.
	released := []string{
		"5e031e3e28982c118d04fb8d9ec80e0f2866eeca98c0d48782c561a8ef1759b6",
		"464cc4cb89830105c644c2f643cea40a9a3a4ef160dca64574442e0a00f2d0ff",
		"05dae3caa3ceed79a3a4aaebe692dc27d0e5f850e71b7d7cb584f66df46e80e2",
	}
	if len(all) != len(released) {
		t.Fatalf("%d migrations, and checksums of %d", len(all), len(released))
	}
	for i, want := range released {
		if m := all[i]; m.Checksum != want {
			t.Errorf("%04d_%s.sql was changed: checksum %s, released as %s", m.Version, m.Name, m.Checksum, want)
		}
	}
}

func TestConditionalText(t *testing.T) {
	m := migrations.Migration{Text: "CREATE TABLE t (a TEXT /*postgres: COLLATE \"C\" */) /*sqlite: WITHOUT\n ROWID */; -- end\n/* kept */"}
	for database, want := range map[string]string{
		"sqlite":   "CREATE TABLE t (a TEXT ) WITHOUT\n ROWID; -- end\n/* kept */",
		"postgres": "CREATE TABLE t (a TEXT COLLATE \"C\") ; -- end\n/* kept */",
	} {
		if got := m.For(database); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", database, got, want)
		}
	}
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		wrong string
	}{
		"in order":  {[]string{"0002_b.sql", "0001_a.sql"}, ""},
		"a gap":     {[]string{"0001_a.sql", "0003_b.sql"}, "0003_b.sql: expected version 0002"},
		"twice":     {[]string{"0001_a.sql", "0001_b.sql"}, "0001_b.sql: expected version 0002"},
		"from zero": {[]string{"0000_a.sql"}, "expected version 0001"},
		"a name":    {[]string{"1_a.sql"}, "NNNN_name.sql"},
	} {
		folder := fstest.MapFS{"README": {}}
		for _, f := range c.files {
			folder[f] = &fstest.MapFile{Data: []byte(f)}
		}
		all, err := migrations.Read(folder)
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		case c.wrong == "" && (err != nil || len(all) != 2 || all[1].Name != "b" || all[0].Checksum == all[1].Checksum):
			t.Errorf("%s: %+v, %v", name, all, err)
		}
	}
}
