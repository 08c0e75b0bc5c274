package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// joinColons puts plain texts together again that the tokenizer takes for a key and a value: in a list within braces, as in
// {from: [2001:db8::/32, http://a:80]}, it ends a key at every colon. YAML ends one only where something follows that no
// text can go on with (YAML 1.2.2 section 7.3.3), white space above all.
func joinColons(tokens token.Tokens) token.Tokens {
	var joined token.Tokens
	var open []token.Type // brackets and braces around the token
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open = append(open, t.Type)
		case token.SequenceEndType, token.MappingEndType:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case token.MappingValueType:
			inList := len(open) > 0 && open[len(open)-1] == token.SequenceStartType
			if inList && i+1 < len(tokens) && goesOn(tokens[i+1]) {
				if before := len(joined) - 1; isPlain(joined[before]) && !endsBlank(joined[before].Origin) {
					t = text(joined[before], ":"+tokens[i+1].Origin)
					joined = joined[:before]
				} else if !startsText(joined[before]) {
					break
				} else {
					t = text(t, tokens[i+1].Origin)
				}
				i++
			}
		}
		joined.Add(t)
	}
	return joined
}

// text is a token with more behind it.
func text(t *token.Token, more string) *token.Token {
	origin := t.Origin + more
	return token.String(strings.TrimSpace(origin), origin, t.Position)
}

// isPlain reports whether the token is a text without quotes, a number or the like.
func isPlain(t *token.Token) bool {
	return t.Indicator == token.NotIndicator && t.Type != token.CommentType
}

// goesOn reports whether a token continues the text before it.
func goesOn(t *token.Token) bool {
	return isPlain(t) && t.Origin != "" && strings.TrimLeft(t.Origin[:1], " \t\r\n") != ""
}

func endsBlank(origin string) bool { return strings.TrimRight(origin, " \t\r\n") != origin }

// startsText reports whether an entry of a list begins behind the token.
func startsText(t *token.Token) bool {
	return t.Type == token.SequenceStartType || t.Type == token.CollectEntryType
}
