package zone

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write zones.tar.gz anew")

// database is Go's own time zone database, each file by its name.
func database(t *testing.T) map[string][]byte {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	all, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	files := make(map[string][]byte)
	for _, f := range all.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	return files
}

func TestEveryZoneOfGoIsKnownWithoutADatabase(t *testing.T) {
	t.Parallel()
	files := database(t)
	if *update {
		write(t, files)
		return
	}
	found := 0
	unpacked, err := gzip.NewReader(strings.NewReader(zones))
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string][]byte)
	for all := tar.NewReader(unpacked); ; found++ {
		f, err := all.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(all)
		if err != nil {
			t.Fatal(err)
		}
		if f.Linkname != "" {
			data = known[f.Linkname]
		}
		known[f.Name] = data
		if !bytes.Equal(data, files[f.Name]) {
			t.Errorf("%s is another than Go's; -update writes it", f.Name)
		}
	}
	if found != len(files) {
		t.Errorf("%d zones, and Go has %d; -update writes them", found, len(files))
	}
}

// write writes zones.tar.gz.
func write(t *testing.T, files map[string][]byte) {
	t.Helper()
	var packed bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	all := tar.NewWriter(zipped)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	first := make(map[string]string) // the name under which the same file stands already
	for _, name := range names {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if link, ok := first[string(files[name])]; ok {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, link, 0
		}
		first[string(files[name])] = cmp.Or(first[string(files[name])], name)
		if err := all.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if header.Size > 0 {
			if _, err := all.Write(files[name]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("zones.tar.gz", packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAZoneWithoutADatabaseHasItsSummer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Stockholm", "Poland", "Etc/UTC"} {
		data, found := find(name)
		if !found {
			t.Errorf("%s is not known", name)
			continue
		}
		place, err := time.LoadLocationFromTZData(name, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := map[string]string{"Europe/Stockholm": "14:00", "Poland": "14:00", "Etc/UTC": "12:00"}[name]
		if got := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).In(place).Format("15:04"); got != want {
			t.Errorf("%s: noon in July is %s, want %s", name, got, want)
		}
	}
}

func TestWhatIsNoZoneIsNone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Stokholm", "../zone", "Europe", "zones.tar.gz"} {
		if place, err := Load(name); err == nil {
			t.Errorf("%s is %v", name, place)
		}
	}
	if place, err := Load("Europe/Stockholm"); err != nil || place.String() != "Europe/Stockholm" {
		t.Errorf("%v, %v", place, err)
	}
}
