package measure

import (
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A Share is one part of a whole.
type Share struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Shares are parts, the largest first; what is beyond the first n is summed up.
func Shares(parts map[string]float64, n int) []Share {
	all := make([]Share, 0, len(parts))
	for name, value := range parts {
		all = append(all, Share{name, value})
	}
	slices.SortFunc(all, func(a, b Share) int {
		if a.Value != b.Value {
			return -compare(a.Value, b.Value)
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(all) <= n {
		return all
	}
	rest := Share{Name: "the rest"}
	for _, s := range all[n:] {
		rest.Value += s.Value
	}
	return append(all[:n:n], rest)
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Names of parts of a program.
const (
	Code    = "code: " // begins the name of each part that is code
	OwnCode = Code + "stationd's own"
	Tables  = "of each function its name, its lines and what is inlined in it"
)

// ProgramParts is what the file of a Go program consists of, in bytes: its code by whose it is,
// and its other sections. It needs no symbols.
func ProgramParts(path string) (map[string]float64, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	file, err := elf.NewFile(opened)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	text, table := file.Section(".text"), file.Section(".gopclntab")
	if text == nil || table == nil {
		return nil, errors.New(path + " is no program of Go's")
	}
	data, err := table.Data()
	if err != nil {
		return nil, err
	}
	functions, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	parts := make(map[string]float64)
	var known float64
	for _, f := range functions.Funcs {
		parts[Code+owner(PackageOf(f.Name))] += float64(f.End - f.Entry)
		known += float64(f.End - f.Entry)
	}
	parts[Code+"between functions"] += max(0, float64(text.Size)-known)
	for _, s := range file.Sections {
		if s.Type == elf.SHT_NOBITS || s == text {
			continue
		}
		name := "the rest"
		switch s.Name {
		case ".gopclntab":
			name = Tables
		case ".rodata", ".typelink", ".itablink", ".go.type", ".go.func":
			name = "constants and types"
		case ".data", ".noptrdata", ".go.module":
			name = "variables"
		}
		parts[name] += float64(s.FileSize)
	}
	return parts, nil
}

// PackageOf is the package of a function, by its whole name.
func PackageOf(function string) string {
	path, name := "", function
	// A type parameter has slashes and dots of its own.
	whole, _, _ := strings.Cut(function, "[")
	if i := strings.LastIndex(whole, "/"); i >= 0 {
		path, name = whole[:i+1], whole[i+1:]
	}
	name, _, _ = strings.Cut(name, ".")
	return strings.ReplaceAll(path+name, "%2e", ".")
}

// owner is whose a package is: the program's, a module's, or a part of Go's library.
func owner(path string) string {
	first, rest, _ := strings.Cut(path, "/")
	switch {
	case strings.HasPrefix(path, "type:") || strings.HasPrefix(path, "go:"):
		return "generated, to compare"
	case first == "stationd" || first == "main":
		return "stationd's own"
	case first == "vendor" || first == "crypto":
		return "Go's crypto, with TLS"
	case strings.Contains(first, "."):
		second, _, _ := strings.Cut(rest, "/")
		return first + "/" + second
	case first == "net" || first == "mime":
		return "Go's net, with HTTP"
	case first == "runtime" || first == "internal" || first == "syscall" || first == "os" || first == "sync":
		return "Go's runtime, files and processes"
	}
	return "Go's other packages"
}
