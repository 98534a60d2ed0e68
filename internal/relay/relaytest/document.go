package relaytest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// Document is where docs/relay.md is, from the folder of a package two below the project's.
const Document = "../../docs/relay.md"

// Block returns the one block of docs/relay.md that has a text in it.
func Block(t testing.TB, has string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(Document))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, block := range regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], has) {
			found = append(found, block[1])
		}
	}
	if len(found) != 1 {
		t.Fatalf("docs/relay.md has %d blocks with %q", len(found), has)
	}
	return found[0]
}

// DocumentedEngine reads the configuration of an engine as docs/relay.md has it. Where the
// document leaves something out, it is what the test has: nkeys in the order of the users,
// and the files of a certificate. Without a certificate there is no table tls.
func DocumentedEngine(t testing.TB, publics []string, certificate, key, ca string) *server.Options {
	t.Helper()
	text := Block(t, "authorization {")
	for _, public := range publics {
		text = strings.Replace(text, regexp.MustCompile(`nkey: U[A-Z]+\.\.\.`).FindString(text), "nkey: "+public, 1)
	}
	tls := regexp.MustCompile(`(?m)^tls \{.*$`)
	if certificate == "" {
		text = tls.ReplaceAllLiteralString(text, "")
	}
	text = strings.NewReplacer("cert_file: ...", "cert_file: "+certificate, "key_file: ...", "key_file: "+key, "ca_file: ...", "ca_file: "+ca,
		"/var/lib/nats", t.TempDir()).Replace(text)
	path := filepath.Join(t.TempDir(), "nats-server.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatalf("the engine's configuration of docs/relay.md: %v\n%s", err, text)
	}
	return options
}

// The users of docs/relay.md, in its order.
const (
	RelayOfDocument   = "dmz-1"
	StationOfDocument = "pack4-1"
	PersonOfDocument  = "anna"
)

// User makes a user of an engine with the permissions that docs/relay.md gives to one of its
// own, under a name of the test's and without what the test names; seed is that of its nkey.
func User(t testing.TB, like, name string, without ...string) (user *server.NkeyUser, seed string) {
	t.Helper()
	var publics []string
	for range 3 {
		public, _ := newKey(t)
		publics = append(publics, public)
	}
	public, seed := newKey(t)
	for i, role := range []string{RelayOfDocument, StationOfDocument, PersonOfDocument} {
		if role != like {
			continue
		}
		for _, u := range DocumentedEngine(t, publics, "", "", "").Nkeys {
			if u.Nkey != publics[i] {
				continue
			}
			return &server.NkeyUser{Nkey: public, Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: renamed(u.Permissions.Publish.Allow, like, name, without)},
				Subscribe: &server.SubjectPermission{Allow: renamed(u.Permissions.Subscribe.Allow, like, name, without)},
			}}, seed
		}
	}
	t.Fatalf("docs/relay.md has no user like %s", like)
	return nil, ""
}

// renamed are subjects with another name in them.
func renamed(subjects []string, like, name string, without []string) (all []string) {
	for _, s := range subjects {
		keep := true
		for _, prefix := range without {
			keep = keep && !strings.HasPrefix(s, prefix)
		}
		if keep {
			all = append(all, strings.ReplaceAll(s, like, name))
		}
	}
	return all
}

func newKey(t testing.TB) (public, seed string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err = pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return public, string(text)
}
