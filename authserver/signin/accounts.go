package signin

import (
	"net/http"
	"slices"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
)

// another is what the form says in place of a session.
const another = "another"

// accounts asks as whom somebody wants to go on.
func accounts(v *steps.Visit) error {
	if err := v.Resume(); err != nil {
		return err
	}
	if denied(v) {
		return v.Deny()
	}
	chosen := v.Params.Get("session")
	if v.Posted() && chosen == another {
		if err := v.Note(func(f *authorize.Flow) { anew(f); f.Another = true }); err != nil {
			return err
		}
		return v.Back()
	}
	seats, err := v.Here()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(seats, func(s steps.Seat) bool { return s.ID == chosen }); v.Posted() && i >= 0 {
		return choose(v, seats[i])
	}
	if len(seats) == 0 {
		return v.Back()
	}
	view := pages.ChooseAccount{Frame: v.Frame()}
	for _, s := range seats {
		u, err := v.Users.Get(v.Context(), v.Realm.Name, s.User)
		if err != nil {
			return err
		}
		if u != nil {
			view.Accounts = append(view.Accounts, pages.Account{ID: s.ID, User: u.Name, Alias: u.Alias})
		}
	}
	return v.Show(http.StatusOK, view)
}

// choose makes a session of this browser the one that counts.
func choose(v *steps.Visit, seat steps.Seat) (err error) {
	if seat.Session, err = v.Sessions.Choose(v.Context(), seat.Session); err != nil {
		return err
	}
	if err := v.Put(seat); err != nil {
		return err
	}
	if err := v.Note(anew); err != nil {
		return err
	}
	return v.Back()
}

// anew forgets an unfinished sign-in.
func anew(f *authorize.Flow) {
	f.Forget()
	f.Another = false
}
