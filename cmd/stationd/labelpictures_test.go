package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/internal/setup"
)

var drawLabels = flag.Bool("draw", false, "draw docs/labels anew, which needs zint, and docs/pictures")

// A labelPicture is a label of docs/labels.md: how Debian's zint draws it, the AIM
// identifier that a reader sends with it, and what the binding above it comes to.
type labelPicture struct {
	zint []string
	aim  string
	want map[string]string
}

// The programs that read pictures: each what it is best at.
const (
	byZbar  = "zbarimg"
	byDmtx  = "dmtxread"
	byZXing = "ZXingReader"
)

// readBy is the program that reads the picture.
func (p labelPicture) readBy() string {
	switch p.zint[1] {
	case "DATAMATRIX", "HIBC_DM":
		return byDmtx
	case "AZTEC", "PDF417", "MAXICODE":
		return byZXing
	}
	return byZbar
}

// linear reports whether it is made of bars.
func (p labelPicture) linear() bool {
	return p.readBy() == byZbar && p.zint[1] != "QRCODE" && p.zint[1] != "DBAR_EXP"
}

var labelPictures = map[string]labelPicture{
	"gs1-128": {
		zint: []string{"-b", "GS1_128", "-d", "[01]09506000134352[3103]001250[10]AB-12"}, aim: "]C1",
		want: map[string]string{"article.trace article": "9506000134352", "article.trace batch": "AB-12", "article.trace amount": "1.250"},
	},
	"gs1-datamatrix": {
		zint: []string{"-b", "DATAMATRIX", "--gs1", "-d", "[01]09506000134352[10]AB-12[21]0042"}, aim: "]d2",
		want: map[string]string{"article.trace article": "9506000134352", "article.trace batch": "AB-12", "article.trace serial": "0042"},
	},
	"reader-test": {
		zint: []string{"-b", "DATAMATRIX", "--gs1", "-d", "[01]09506000134352[10]TEST[21]READY"}, aim: "]d2",
		want: map[string]string{"article": "9506000134352"},
	},
	"reader-text": {
		zint: []string{"-b", "QRCODE", "--eci=26", "-d", setup.TextLabel}, aim: "]Q1",
		want: map[string]string{"code": setup.TextLabel},
	},
	"digital-link": {
		zint: []string{"-b", "QRCODE", "-d", "https://example.com/01/09506000134352/10/AB-12"}, aim: "]Q1",
		want: map[string]string{"article.trace article": "9506000134352", "article.trace batch": "AB-12"},
	},
	"ean-13": {
		zint: []string{"-b", "EANX", "-d", "4006381333931"},
		want: map[string]string{"article": "4006381333931"},
	},
	"gs1-qr": {
		zint: []string{"-b", "QRCODE", "--gs1", "-d", "[01]09506000134352[10]AB-12[21]0042"}, aim: "]Q3",
		want: map[string]string{"article.trace article": "9506000134352", "article.trace batch": "AB-12", "article.trace serial": "0042"},
	},
	"itf-14": {
		zint: []string{"-b", "ITF14", "-d", "0950600013435"}, aim: "]I1",
		want: map[string]string{"article": "9506000134352"},
	},
	"upc-e": {
		zint: []string{"-b", "UPCE", "-d", "04252614"}, aim: "]E0",
		want: map[string]string{"article": "0042100005264"},
	},
	"databar": {
		zint: []string{"-b", "DBAR_OMN", "-d", "0950600013435"}, aim: "]e0",
		want: map[string]string{"article": "9506000134352"},
	},
	"databar-expanded": {
		zint: []string{"-b", "DBAR_EXP", "-d", "[01]09506000134352[3103]001250"}, aim: "]e0",
		want: map[string]string{"article": "9506000134352", "gs1.310": "1.250"},
	},
	"code-128": {
		zint: []string{"-b", "CODE128", "-d", "PO4711"}, aim: "]C0",
		want: map[string]string{"order": "4711"},
	},
	"pdf417": {
		zint: []string{"-b", "PDF417", "-d", "PO4713"}, aim: "]L2",
		want: map[string]string{"order": "4713"},
	},
	"aztec": {
		zint: []string{"-b", "AZTEC", "-d", "PO4714"}, aim: "]z0",
		want: map[string]string{"order": "4714"},
	},
	"maxicode": {
		zint: []string{"-b", "MAXICODE", "-d", "PO4715"}, aim: "]U0",
		want: map[string]string{"order": "4715"},
	},
	"codabar": {
		zint: []string{"-b", "CODABAR", "-d", "A4711B"}, aim: "]F0",
		want: map[string]string{"box": "4711"},
	},
	"iso-15434": {
		zint: []string{"-b", "DATAMATRIX", "--esc", "-d", `[)>\R06\GPA-100\GQ5\G1TL-7\R\E`}, aim: "]d1",
		want: map[string]string{"part": "A-100", "quantity": "5", "lot": "L-7"},
	},
	"data-identifier": {
		zint: []string{"-b", "CODE39", "-d", "1TL-7"}, aim: "]A0",
		want: map[string]string{"lot": "L-7"},
	},
	"hibc": {
		zint: []string{"-b", "HIBC_DM", "-d", "A123BJC5D6E71/$$520051510X3"}, aim: "]d1",
		want: map[string]string{"item": "BJC5D6E7", "lot": "510X3", "until": "2020-02-20"},
	},
	"json": {
		zint: []string{"-b", "QRCODE", "-d", `{"po": "4711", "lines": [{"qty": 5}]}`}, aim: "]Q1",
		want: map[string]string{"order": "4711"},
	},
	"pairs": {
		zint: []string{"-b", "QRCODE", "-d", "PO=4712;QTY=5"}, aim: "]Q1",
		want: map[string]string{"order": "4712"},
	},
	"scale": {
		zint: []string{"-b", "EANX", "-d", "2012345012349"}, aim: "]E0",
		want: map[string]string{"item": "12345", "weight": "1.234"},
	},
	"code-39": {
		zint: []string{"-b", "CODE39", "--vers=1", "-d", "PO1200"}, aim: "]A1",
		want: map[string]string{"order": "1200"},
	},
	"text": {
		zint: []string{"-b", "QRCODE", "--eci=26", "-d", "BADGE-Åsa"}, aim: "]Q1",
		want: map[string]string{"badge": "Åsa"},
	},
}

// The pictures of docs/labels.md, read by other programs than ours, are what the
// bindings beside them take.
func TestEveryPictureOfALabelIsReadAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "docs", "labels")
	text, err := os.ReadFile(folder + ".md")
	must(t, err)
	shown := make(map[string]string) // the configuration beside a picture
	var block string
	for _, m := range regexp.MustCompile("(?s)```toml\n(.*?)```|\\]\\(labels/([a-z0-9-]+)\\.png\\)").FindAllStringSubmatch(string(text), -1) {
		if m[2] == "" {
			block = m[1]
			continue
		}
		shown[m[2]] = block
	}
	drawn, err := filepath.Glob(filepath.Join(folder, "*"))
	must(t, err)
	for _, path := range drawn {
		if _, planned := labelPictures[strings.TrimSuffix(filepath.Base(path), ".png")]; !planned {
			t.Errorf("%s: nobody says what it shows", path)
		}
	}
	for name, p := range labelPictures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			block, there := shown[name]
			if !there {
				t.Fatalf("docs/labels.md does not show labels/%s.png", name)
			}
			picture := filepath.Join(folder, name+".png")
			if *drawLabels {
				p.draw(t, picture)
			}
			code := readPicture(t, picture, p.readBy(), p.aim)
			head, on, _ := strings.Cut(block, "[[on]]")
			reader, table := "", ""
			if before, store, has := strings.Cut(head, "[[scanner.store]]"); has {
				head, table = before, "[[scanner.store]]"+store
			}
			for line := range strings.Lines(head) {
				if !strings.HasPrefix(line, "[[") && !strings.HasPrefix(line, "name") && !strings.HasPrefix(line, "port") {
					reader += line
				}
			}
			got, faults := fieldLine{Hex: hex.EncodeToString([]byte(p.aim + code + "\r"))}.sent(t, reader, table, "[[on]]"+strings.ReplaceAll(on, `"article.trace", order = "{order}"`, `"article.trace", order = "4711"`))
			for _, fault := range faults {
				t.Error(fault)
			}
			for key, want := range p.want {
				if got[key] != want {
					t.Errorf("%q gives %s = %q, want %q; all of it: %v", code, key, got[key], want, got)
				}
			}
		})
	}
}

// draw draws the picture with a quiet zone, so that a reader sees it on a screen too.
func (p labelPicture) draw(t *testing.T, path string) {
	t.Helper()
	size := []string{"--notext", "--scale=2", "--quietzones", "-w", "4", "--vwhitesp=4"}
	if p.linear() {
		size = append(size, "--height=25", "--scale=1")
	}
	out, err := exec.CommandContext(t.Context(), "zint", slices.Concat(size, p.zint, []string{"-o", path})...).CombinedOutput()
	if err != nil {
		t.Fatalf("zint: %v: %s", err, out)
	}
}

// zintVersion is the one that has drawn the pictures; another may draw them otherwise.
const zintVersion = "Zint version 2.11.1"

// Nobody has changed a picture by hand: make labels draws them, and would draw them so.
func TestThePicturesOfLabelsAreThoseThatAreDrawn(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), "zint", "--version").Output(); err != nil || !strings.HasPrefix(string(out), zintVersion) {
		t.Skipf("NOT PROVED: that the pictures of docs/labels are drawn anew as they are, because there is no zint of version 2.11.1: %s, %v", out, err)
	}
	for name, p := range labelPictures {
		path := filepath.Join(t.TempDir(), name+".png")
		p.draw(t, path)
		drawn, err := os.ReadFile(path)
		must(t, err)
		kept, err := os.ReadFile(filepath.Join("..", "..", "docs", "labels", name+".png"))
		must(t, err)
		if !bytes.Equal(drawn, kept) {
			t.Errorf("%s.png is not as it is drawn: make labels", name)
		}
	}
}

// readPicture reads a picture with a program that is not ours. zbarimg and dmtxread send
// no AIM identifier; where ZXingReader says another than the document, the test fails.
func readPicture(t *testing.T, path, program, aim string) string {
	t.Helper()
	words := map[string][]string{
		byZbar: {byZbar, "--raw", "--quiet", "--nodbus", "-Sbinary", path},
		// Character 29 stands for FNC1, at the front too.
		byDmtx:  {byDmtx, "--gs1=29", "--stop-after=1", "--milliseconds=20000", path},
		byZXing: {byZXing, path},
	}[program]
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("NOT PROVED: that another program reads this picture as we do, because there is no %s", program)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).Output()
	if err != nil {
		t.Fatalf("%s does not read %s: %v", program, path, err)
	}
	switch program {
	case byDmtx:
		return strings.TrimPrefix(string(out), "\x1d")
	case byZXing:
		return saidByZXing(t, string(out), aim)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// saidByZXing takes the bytes from what ZXingReader says:
//
//	Bytes:      50 4F 34 37 31 31
//	Identifier: ]z0
func saidByZXing(t *testing.T, out, aim string) string {
	t.Helper()
	said := make(map[string]string)
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		said[key] = strings.TrimSpace(value)
	}
	if said["Identifier"] != aim {
		t.Errorf("the identifier is %s, and the document says %s", said["Identifier"], aim)
	}
	code, err := hex.DecodeString(strings.ReplaceAll(said["Bytes"], " ", ""))
	must(t, err)
	return string(code)
}
