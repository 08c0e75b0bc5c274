package main

import (
	"fmt"
	"html"
	"strings"
)

// The plot's geometry, in SVG units.
const (
	plotWidth   = 760
	labelWidth  = 270
	rowHeight   = 32
	barHeight   = 18
	plotTop     = 64
	figureWidth = 130
	cutAbove    = 15 // times the baseline: such a bar would dwarf the others and is cut
)

// plot draws a bar for each case: brass for ours, grey for the baseline, and a tick at the aim. A bar that is cut ends in a
// gap and a stub. The exact figures stand
// beside the bars and in the table.
func (r *report) plot() string {
	longest := 0.0
	for _, w := range r.Rows {
		if w.cpu() < cutAbove*r.Rows[0].cpu() {
			longest = max(longest, w.cpu(), w.limit*r.floor(w))
		}
	}
	scale := (plotWidth - labelWidth - figureWidth) / longest
	height := plotTop + rowHeight*len(r.Rows) + 48
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Server CPU per request, in microseconds" font-family="system-ui, sans-serif" font-size="13">`+"\n", plotWidth, height)
	b.WriteString("<style>.t{fill:oklch(22% 0.02 260)}.q{fill:oklch(45% 0.01 90)}.b{fill:oklch(72% 0.13 75)}.g{fill:oklch(70% 0.005 90)}.a{stroke:oklch(45% 0.08 200);stroke-width:2}</style>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="oklch(98.5%% 0.004 90)"/>`+"\n", plotWidth, height)
	b.WriteString(`<text class="t" x="16" y="28" font-size="18">Server CPU per request</text>` + "\n")
	b.WriteString(`<text class="q" x="16" y="48">microseconds, lower is better; the teal tick is the aim</text>` + "\n")
	for i, w := range r.Rows {
		b.WriteString(r.bar(w, plotTop+i*rowHeight, scale))
	}
	axis := plotTop + rowHeight*len(r.Rows) + 8
	fmt.Fprintf(&b, `<text class="q" x="%d" y="%d">0</text><text class="q" x="%.0f" y="%d" text-anchor="end">%.0f µs</text>`+"\n", labelWidth, axis+16, labelWidth+longest*scale, axis+16, longest)
	b.WriteString("</svg>\n")
	return b.String()
}

func (r *report) bar(w row, y int, scale float64) string {
	class, name := "b", w.name
	if w.limit == 0 && w.server == r.Rows[0].server {
		class = "g"
	}
	if w.durable {
		name += ", durable"
	}
	middle := y + rowHeight/2
	const full = plotWidth - labelWidth - figureWidth
	cut := w.cpu() >= cutAbove*r.Rows[0].cpu()
	end := w.cpu() * scale
	if cut {
		end = full - 14
	}
	out := fmt.Sprintf(`<text class="t" x="16" y="%d">%s</text><rect class="%s" x="%d" y="%d" width="%.1f" height="%d"><title>%s: %.1f µs</title></rect>`,
		middle+5, html.EscapeString(name), class, labelWidth, middle-barHeight/2, end, barHeight, html.EscapeString(name), w.cpu())
	if cut {
		out += fmt.Sprintf(`<rect class="%s" x="%d" y="%d" width="8" height="%d"/>`, class, labelWidth+full-8, middle-barHeight/2, barHeight)
		end = full
	} else if w.limit > 0 {
		x := labelWidth + w.limit*r.floor(w)*scale
		out += fmt.Sprintf(`<line class="a" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, middle-barHeight/2-3, middle+barHeight/2+3)
		end = max(end, x-labelWidth)
	}
	return out + fmt.Sprintf(`<text class="t" x="%.1f" y="%d">%.1f µs · ×%.2f</text>`+"\n", labelWidth+end+8, middle+5, w.cpu(), w.cpu()/r.Rows[0].cpu())
}
