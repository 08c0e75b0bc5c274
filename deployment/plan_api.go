package deployment

import (
	"sallyport/api"
	"sallyport/audit"
	"sallyport/deployment/strictyaml"
	"sallyport/feed"
)

func (p *Planner) apis(plan *Plan, f *File, stored []*api.API) error {
	var faults strictyaml.Errors
	named := map[string]bool{} // in the file
	for i := range f.APIs {
		named[f.APIs[i].Name] = true
	}
	olds := map[string]*api.API{} // by name
	stay := map[string]*api.API{} // by door, those that the file leaves alone
	for _, o := range stored {
		if o.Realm != f.Realm {
			continue
		}
		olds[o.Name] = o
		if !named[o.Name] && !p.Prune {
			stay[o.Door()] = o
		}
	}
	for i := range f.APIs {
		a := f.APIs[i].api(f.Realm)
		if other := stay[a.Door()]; other != nil {
			faults.Add(f.APIs[i].Of("path"), "api %s: path: %s is served by api %s already; choose another path, or remove that api", a.Name, a.Path, other.Name)
		}
		line := Line{Op: Add, Kind: feed.API, Realm: f.Realm, Name: a.Name}
		if old := olds[a.Name]; old != nil {
			line.Op, line.Words = Change, changes(old, a)
			if line.Words == "" {
				continue
			}
		}
		plan.Changes.APIs = append(plan.Changes.APIs, a)
		plan.note(line, audit.Event{})
	}
	if p.Prune {
		for _, o := range stored {
			if o.Realm == f.Realm && !named[o.Name] {
				plan.Delete(Ref{Kind: feed.API, Realm: f.Realm, ID: o.Name})
			}
		}
	}
	return faults.Err()
}
