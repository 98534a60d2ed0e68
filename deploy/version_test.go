package deploy_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A repo is a git repository of its own, with nothing of this computer's settings.
type repo struct {
	t       *testing.T
	dir     string
	minutes int // of the last commit's time
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: that versions rise with the commits was not proved")
	}
	r := &repo{t: t, dir: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) run(dir, name string, args ...string) string {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), name, args...)
	c.Dir = dir
	when := fmt.Sprintf("2026-11-28T%02d:%02d:00+01:00", r.minutes/60, r.minutes%60)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=n", "GIT_AUTHOR_EMAIL=n@localhost", "GIT_AUTHOR_DATE="+when,
		"GIT_COMMITTER_NAME=n", "GIT_COMMITTER_EMAIL=n@localhost", "GIT_COMMITTER_DATE="+when)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		r.t.Fatalf("%s %q: %v\n%s", name, args, err, said.String())
	}
	return strings.TrimSpace(string(out))
}

func (r *repo) git(args ...string) { r.t.Helper(); r.run(r.dir, "git", args...) }

// commit makes one more commit, a minute after the last.
func (r *repo) commit() {
	r.t.Helper()
	r.minutes++
	r.write(fmt.Sprint(r.minutes))
	r.git("add", ".")
	r.git("commit", "-q", "-m", fmt.Sprint(r.minutes))
}

func (r *repo) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "file"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// version is what version.sh says of the folder.
func (r *repo) version(dir string) string {
	r.t.Helper()
	script, err := filepath.Abs("version.sh")
	if err != nil {
		r.t.Fatal(err)
	}
	// Read here, so that go test knows when it has changed.
	text, err := os.ReadFile(script)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.run(dir, "sh", "-c", string(text))
}

// rising fails unless apt takes each version for an upgrade of the one before.
func rising(t *testing.T, versions []string) {
	t.Helper()
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("dpkg is not installed: that apt takes a later version for an upgrade was not proved")
	}
	for i, later := range versions[1:] {
		if err := exec.CommandContext(t.Context(), "dpkg", "--compare-versions", versions[i], "lt", later).Run(); err != nil {
			t.Errorf("%s is built after %s, and apt takes it for a downgrade: %v", later, versions[i], err)
		}
	}
}

func TestALaterVersionIsAnUpgradeForApt(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	// What was built before versions were counted.
	versions := []string{"0.0.0+git20261231.fffffff"}
	note := func() { t.Helper(); versions = append(versions, r.version(r.dir)) }
	for range 12 { // the tenth comes after the ninth
		r.commit()
		note()
	}
	r.write("a change that is not committed")
	note()
	for _, tag := range []string{"v0.1.0-rc1", "v0.1.0-rc2", "v0.1.0-rc10", "v0.1.0", "v1.2.0-rc1", "v1.2.0", "v1.10.0"} {
		r.commit()
		note()
		r.git("tag", "-a", "-m", tag, tag)
		note()
		for range 11 {
			r.commit()
			note()
		}
		r.write("a change that is not committed")
		note()
	}
	t.Log(strings.Join(versions, "\n"))
	rising(t, versions)
	for _, want := range []string{"0.1.0~rc1", "1.2.0~rc1", "1.2.0"} {
		if !strings.Contains("\n"+strings.Join(versions, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("no build was called %s", want)
		}
	}
}

// The commit's name must not decide: a commit that was put in order again has
// another name, and the same number.
func TestACommitMadeAgainIsAnUpgradeWhateverItsName(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit()
	var versions []string
	for range 8 {
		r.minutes++
		r.git("commit", "-q", "--amend", "-m", "again")
		versions = append(versions, r.version(r.dir))
	}
	rising(t, versions)
}

func TestTheLastCandidateThatBecameTheReleaseIsTheRelease(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit()
	for _, tag := range []string{"v1.0.0", "v1.0.0-rc9", "v1.0.0-rc10"} {
		r.git("tag", tag)
	}
	if got := r.version(r.dir); got != "1.0.0" {
		t.Errorf("it is called %s", got)
	}
}

func TestAShallowCloneIsNoNewerThanAWholeOne(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for range 3 {
		r.commit()
	}
	shallow := filepath.Join(t.TempDir(), "shallow")
	r.run(r.dir, "git", "clone", "-q", "--depth=1", "file://"+r.dir, shallow)
	rising(t, []string{"0.0.0+git20261231.fffffff", r.version(shallow), r.version(r.dir)})

	r.git("tag", "v1.2.0")
	tagged := filepath.Join(t.TempDir(), "tagged")
	r.run(r.dir, "git", "clone", "-q", "--depth=1", "--branch=v1.2.0", "file://"+r.dir, tagged)
	if got := r.version(tagged); got != "1.2.0" {
		t.Errorf("a shallow clone of the tag v1.2.0 is called %s", got)
	}
	rising(t, []string{"0.0.0", r.version(t.TempDir())}) // no repository: a tarball
}
