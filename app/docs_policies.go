package app

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/policy"
)

// policiesPage describes the ways in and the policies, in the order in which a call meets them.
func policiesPage() string {
	parts := parts(partDeps{})
	var b strings.Builder
	b.WriteString("# Ways in and policies\n\n" + generated + `An API names its ways in under ` + "`auth`" + `, of which any will do, and its policies under ` + "`policies`" + `. Each is a name, or a
name with settings:

    auth: [bearer, apikey]
    policies:
      - ratelimit: {rate: 100/s, burst: 200}
      - cors: {origins: [https://app.example.org]}

Whatever their order in the file, a call meets them in this one: what guards against floods before anybody is known; a way
in; the client's own conditions (status, addresses, dates, hours) and the scope; then the other policies as they stand below.
The answer passes the same policies in the opposite order.
`)
	names := slices.SortedFunc(maps.Keys(parts.Kinds), func(a, c string) int {
		return cmp.Or(cmp.Compare(parts.Kinds[a].Rank, parts.Kinds[c].Rank), cmp.Compare(a, c))
	})
	before := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return parts.Kinds[n].Rank >= 0 })
	after := slices.DeleteFunc(names, func(n string) bool { return parts.Kinds[n].Rank < 0 })
	b.WriteString("\n# Before anybody is known\n")
	for _, name := range before {
		kindSection(&b, name, parts.Kinds[name])
	}
	b.WriteString("\n# Ways in\n\n## none\n\nLets everybody in. With other ways in beside it, a caller who brings a credential is told when it is bad.\n")
	for _, name := range slices.Sorted(maps.Keys(parts.Ways)) {
		kindSection(&b, name, parts.Ways[name])
	}
	b.WriteString("\n# Once it is known who calls\n")
	for _, name := range after {
		kindSection(&b, name, parts.Kinds[name])
	}
	b.WriteString(expressionsSection)
	return b.String()
}

// expressionsSection is about what several policies have in common.
const expressionsSection = `
# Expressions

Where a policy counts ` + "`by`" + ` an expression, that is CEL (the Common Expression Language) over one call, and its value is a
text. Calls with the same value count together, also those for which it is empty. It can read

| name | value |
| --- | --- |
| ` + "`call.method`, `call.host`, `call.path`, `call.query`, `call.address`" + ` | of the call, as texts; the query is undecoded |
| ` + "`call.realm`, `call.api`" + ` | names |
| ` + "`call.client`, `call.user`, `call.credential`" + ` | who calls; "" if nobody has to say so |
| ` + "`call.scope`" + ` | list of the caller's scopes |
| ` + "`call.header['x-tenant']`" + ` | a header field, "" if it was not sent; ` + "`'x-tenant' in call.header`" + ` asks whether it was |
| ` + "`call.param['id']`" + ` | a parameter of the path, likewise |

    - ratelimit: {rate: 10/s, by: "expression: call.header['x-tenant']"}
    - quota: {calls: 1000, by: "expression: 'reports' in call.scope ? call.user : call.client"}
`

func kindSection(b *strings.Builder, name string, kind policy.Kind) {
	fmt.Fprintf(b, "\n## %s\n", name)
	docs := manual(kind.Source)
	main, ok := docs["settings"]
	if !ok {
		main = docs["Settings"]
	}
	if main.Doc != "" {
		b.WriteString("\n" + sentence(main.Doc) + "\n")
	}
	fields(b, main)
	for _, other := range slices.Sorted(maps.Keys(docs)) {
		if t := docs[other]; t.Name != main.Name && len(t.Fields) > 0 {
			fmt.Fprintf(b, "\n%s\n", t.Doc)
			fields(b, t)
		}
	}
}

func fields(b *strings.Builder, t typeDoc) {
	var rows [][]string
	for _, f := range t.Fields {
		rows = append(rows, []string{"`" + f.Key + "`", form(f.Type), withoutField(f)})
	}
	markdown(b, []string{"key", "form", "meaning"}, rows)
}

// withoutField drops the field's name, with which Go comments begin, where what follows says enough: "MaxAge is for how long"
// is for the reader of the source. In "Methods that pages may use" it is needed.
func withoutField(f fieldDoc) string {
	rest, ok := strings.CutPrefix(f.Doc, f.Name+" ")
	verb, after, _ := strings.Cut(rest, " ")
	verb = strings.TrimSuffix(verb, ",")
	switch {
	case !ok || !strings.HasSuffix(verb, "s") && verb != "are":
		return f.Doc
	case verb == "is" || verb == "are":
		return after
	}
	return rest
}

// sentence turns the Go comment of a settings' struct into what stands below a heading.
func sentence(doc string) string {
	if rest, ok := strings.CutPrefix(doc, "settings: there are none. "); ok {
		return rest
	}
	for _, opening := range []string{"Settings are ", "settings are "} {
		if rest, ok := strings.CutPrefix(doc, opening); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	if rest, ok := strings.CutPrefix(doc, "settings "); ok {
		return "Settings " + rest
	}
	return doc
}
