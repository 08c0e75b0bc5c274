package rig

import (
	"fmt"
	"html"
	"strings"
)

// The plot's geometry, in SVG units.
const (
	plotWidth   = 760
	labelWidth  = 300
	rowHeight   = 32
	barHeight   = 18
	plotTop     = 64
	figureWidth = 130
)

// A Plot is one horizontal bar for each case.
type Plot struct {
	Title, Subtitle, Unit string
	Bars                  []Bar
	CutAbove              float64 // a bar this long would dwarf the others and ends in a gap and a stub; 0: none is cut
}

// A Bar is one case.
type Bar struct {
	Name  string
	Value float64
	Ours  bool    // brass; others are grey
	Aim   float64 // a teal tick stands there; 0: none
	Note  string  // behind the figure
}

// SVG draws the plot. The exact figures stand beside the bars.
func (p Plot) SVG() string {
	longest := 0.0
	for _, b := range p.Bars {
		if p.CutAbove == 0 || b.Value < p.CutAbove {
			longest = max(longest, b.Value, b.Aim)
		}
	}
	scale := (plotWidth - labelWidth - figureWidth) / longest
	height := plotTop + rowHeight*len(p.Bars) + 48
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s" font-family="system-ui, sans-serif" font-size="13">`+"\n", plotWidth, height, html.EscapeString(p.Title))
	b.WriteString("<style>.t{fill:oklch(22% 0.02 260)}.q{fill:oklch(45% 0.01 90)}.b{fill:oklch(72% 0.13 75)}.g{fill:oklch(70% 0.005 90)}.a{stroke:oklch(45% 0.08 200);stroke-width:2}</style>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="oklch(98.5%% 0.004 90)"/>`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<text class="t" x="16" y="28" font-size="18">%s</text>`+"\n", html.EscapeString(p.Title))
	fmt.Fprintf(&b, `<text class="q" x="16" y="48">%s</text>`+"\n", html.EscapeString(p.Subtitle))
	for i, bar := range p.Bars {
		b.WriteString(p.bar(bar, plotTop+i*rowHeight, scale))
	}
	axis := plotTop + rowHeight*len(p.Bars) + 8
	fmt.Fprintf(&b, `<text class="q" x="%d" y="%d">0</text><text class="q" x="%.0f" y="%d" text-anchor="end">%.0f %s</text>`+"\n", labelWidth, axis+16, labelWidth+longest*scale, axis+16, longest, p.Unit)
	b.WriteString("</svg>\n")
	return b.String()
}

func (p Plot) bar(bar Bar, y int, scale float64) string {
	class := "g"
	if bar.Ours {
		class = "b"
	}
	middle := y + rowHeight/2
	const full = plotWidth - labelWidth - figureWidth
	cut := p.CutAbove > 0 && bar.Value >= p.CutAbove
	end := bar.Value * scale
	if cut {
		end = full - 14
	}
	out := fmt.Sprintf(`<text class="t" x="16" y="%d">%s</text><rect class="%s" x="%d" y="%d" width="%.1f" height="%d"><title>%s: %.1f %s</title></rect>`,
		middle+5, html.EscapeString(bar.Name), class, labelWidth, middle-barHeight/2, end, barHeight, html.EscapeString(bar.Name), bar.Value, p.Unit)
	switch {
	case cut:
		out += fmt.Sprintf(`<rect class="%s" x="%d" y="%d" width="8" height="%d"/>`, class, labelWidth+full-8, middle-barHeight/2, barHeight)
		end = full
	case bar.Aim > 0:
		x := labelWidth + bar.Aim*scale
		out += fmt.Sprintf(`<line class="a" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, middle-barHeight/2-3, middle+barHeight/2+3)
		end = max(end, x-labelWidth)
	}
	return out + fmt.Sprintf(`<text class="t" x="%.1f" y="%d">%.1f %s%s</text>`+"\n", labelWidth+end+8, middle+5, bar.Value, p.Unit, html.EscapeString(bar.Note))
}
