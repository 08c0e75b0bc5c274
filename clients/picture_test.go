//go:build clients

package clients_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
)

// fewerColours writes a picture anew with at most 256 colours and the best compression. A page has few colours and many shades
// of them at the edges of its letters.
func fewerColours(raw []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	counts := map[color.RGBA]int{}
	bounds := full.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[at(full, x, y)]++
		}
	}
	palette, nearest := paletteOf(counts)
	few := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			few.SetColorIndex(x, y, nearest[at(full, x, y)])
		}
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, few)
	return b.Bytes(), err
}

func at(m image.Image, x, y int) color.RGBA { return color.RGBAModel.Convert(m.At(x, y)).(color.RGBA) }

// A shade is a colour of a picture and how many of its points have it.
type shade struct {
	c color.RGBA
	n int
}

func (s shade) part(i int) uint8 { return [3]uint8{s.c.R, s.c.G, s.c.B}[i] }

// paletteOf picks 256 colours by halving, again and again, the box of colours whose points differ most from each other (median
// cut), and says which one stands for each.
func paletteOf(counts map[color.RGBA]int) (color.Palette, map[color.RGBA]uint8) {
	var all []shade
	for c, n := range counts {
		all = append(all, shade{c, n})
	}
	slices.SortFunc(all, func(a, b shade) int { return order(a, b, 0) }) // not in the order of the map: the same picture is the same file
	boxes := [][]shade{all}
	for len(boxes) < 256 {
		widest, axis, most := -1, 0, 0
		for i, b := range boxes {
			for p := range 3 {
				if w := spread(b, p); w > most {
					widest, axis, most = i, p, w
				}
			}
		}
		if widest < 0 {
			break // every colour has a box of its own
		}
		b := boxes[widest]
		slices.SortFunc(b, func(x, y shade) int { return order(x, y, axis) })
		cut := middle(b)
		boxes[widest] = b[:cut]
		boxes = append(boxes, b[cut:])
	}
	var palette color.Palette
	nearest := map[color.RGBA]uint8{}
	for i, b := range boxes {
		most := slices.MaxFunc(b, func(x, y shade) int { return x.n - y.n }) // large areas keep their very colour
		palette = append(palette, most.c)
		for _, s := range b {
			nearest[s.c] = uint8(i)
		}
	}
	return palette, nearest
}

func order(a, b shade, axis int) int {
	for i := range 3 {
		if d := int(a.part((axis+i)%3)) - int(b.part((axis+i)%3)); d != 0 {
			return d
		}
	}
	return 0
}

// spread is how far the colours of a box are apart along one axis, weighed by how many points they have.
func spread(b []shade, axis int) int {
	low, high, n := 255, 0, 0
	for _, s := range b {
		v := int(s.part(axis))
		low, high, n = min(low, v), max(high, v), n+s.n
	}
	weight := 1
	for ; n > 0; n >>= 2 {
		weight++
	}
	return (high - low) * weight
}

// middle is where to cut a box so that both halves have half of the points, and neither is empty.
func middle(b []shade) int {
	total, sum := 0, 0
	for _, s := range b {
		total += s.n
	}
	for i, s := range b[:len(b)-1] {
		if sum += s.n; sum >= total/2 {
			return i + 1
		}
	}
	return len(b) - 1
}
