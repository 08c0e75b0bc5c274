package deployment

import (
	"encoding/hex"
	"encoding/json"

	"sallyport/client"
	"sallyport/user"
)

func (p Profile) profile() user.Profile {
	return user.Profile{
		GivenName: p.GivenName, FamilyName: p.FamilyName, MiddleName: p.MiddleName, Nickname: p.Nickname, PreferredUsername: p.PreferredUsername,
		Page: p.Page, Picture: p.Picture, Website: p.Website, Gender: p.Gender, Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale,
		Phone: p.Phone, PhoneVerified: p.PhoneVerified, Address: user.Address(p.Address),
	}
}

func fromProfile(p user.Profile) Profile {
	return Profile{
		GivenName: p.GivenName, FamilyName: p.FamilyName, MiddleName: p.MiddleName, Nickname: p.Nickname, PreferredUsername: p.PreferredUsername,
		Page: p.Page, Picture: p.Picture, Website: p.Website, Gender: p.Gender, Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale,
		Phone: p.Phone, PhoneVerified: p.PhoneVerified, Address: Address(p.Address),
	}
}

// registered is nil if the file does not say that the client registered itself.
func (r Registered) registered() *client.Registered {
	if r.At.IsZero() && r.TokenHash == "" {
		return nil
	}
	hash, _ := hex.DecodeString(r.TokenHash) // looked at by the checker
	return &client.Registered{At: r.At.Time, TokenHash: hash, Metadata: json.RawMessage(r.Metadata)}
}

func fromRegistered(r *client.Registered) Registered {
	if r == nil {
		return Registered{}
	}
	return Registered{At: Moment{r.At}, TokenHash: hex.EncodeToString(r.TokenHash), Metadata: JSON(canonical(r.Metadata))}
}
