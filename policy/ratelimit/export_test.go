package ratelimit

import "sallyport/policy"

var ParseRate = parseRate

// Table is a table and how many limiters it has room for in each part.
type Table struct{ t *table }

func NewTable(most int) Table { return Table{&table{most: most}} }

func (t Table) Size() int { return t.t.size() }

// Take decides on a call as the policy does.
func (t Table) Take(key policy.Key, limit Limit, now int64) bool {
	for {
		if _, ok, gone := t.t.find(&key, now).take(limit, now); !gone {
			return ok
		}
	}
}

const Parts = parts

// SizeOf counts the limiters of a policy.
func SizeOf(p policy.Policy) int { return p.(*rateLimit).table().size() }
