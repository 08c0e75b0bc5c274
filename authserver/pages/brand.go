package pages

import (
	"encoding/hex"
	"html/template"
	"math"
	"net/url"
	"strings"

	"sallyport/realm"
)

// Root returns the path of a realm's root as a browser sees it: that of its issuer, without a slash at the end.
func Root(rl *realm.Realm) string {
	u, err := url.Parse(rl.Issuer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}

// brandName says who asks people to sign in. The name of the default realm would tell them nothing, so that its host stands in.
func brandName(rl *realm.Realm) string {
	if rl == nil {
		return "sallyport"
	}
	if rl.Brand.Name != "" {
		return rl.Brand.Name
	}
	if u, err := url.Parse(rl.Issuer); rl.Name == realm.Default && err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return rl.Name
}

// pictureURL lets a picture in a data: URL through, which html/template does not. In an <img> a picture runs no script.
func pictureURL(s string) template.URL {
	for _, prefix := range []string{"data:image/png;base64,", "data:image/svg+xml;base64,", "data:image/svg+xml,", "data:image/svg+xml;utf8,"} {
		if strings.HasPrefix(s, prefix) {
			return template.URL(s) // the prefix makes it a picture
		}
	}
	return ""
}

// accentQuery goes into the address of the style sheet: a page has no style of its own, so a realm's colour has to come with it.
func accentQuery(colour string) string {
	digits := strings.TrimPrefix(colour, "#")
	if _, ok := parseColour(digits); !ok {
		return ""
	}
	return "&accent=" + strings.ToLower(digits)
}

// accentStyle is what the style sheet gets at its end for a colour, and what distinguishes it.
func accentStyle(hexColour string) (style, key string) {
	rgb, ok := parseColour(hexColour)
	if !ok {
		return "", ""
	}
	on := "#fff"
	if contrast(luminance(rgb), 0.01) > contrast(luminance(rgb), 1) {
		on = "#14171f"
	}
	c := hex.EncodeToString(rgb[:])
	return ":root{--accent:#" + c + ";--on-accent:" + on + "}\n", "-" + c
}

func parseColour(s string) (rgb [3]byte, ok bool) {
	if len(s) != 6 {
		return rgb, false
	}
	_, err := hex.Decode(rgb[:], []byte(s))
	return rgb, err == nil
}

// luminance and contrast are those of WCAG 2.2.
func luminance(rgb [3]byte) float64 {
	weights := [3]float64{0.2126, 0.7152, 0.0722}
	sum := 0.0
	for i, b := range rgb {
		c := float64(b) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weights[i] * c
	}
	return sum
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }
