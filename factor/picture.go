package factor

import (
	"image"
	"image/color"
)

// quiet returns a picture in black and white with a white margin on all sides.
func quiet(code image.Image, margin int) image.Image {
	size := code.Bounds().Dx() + 2*margin
	p := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range code.Bounds().Dy() {
		for x := range code.Bounds().Dx() {
			if r, _, _, _ := code.At(x, y).RGBA(); r < 0x8000 {
				p.SetColorIndex(x+margin, y+margin, 1)
			}
		}
	}
	return p
}
