package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// boards is how many boards a plant of the test has: two rings.
const boards = 2

// A plant is boards as folders of this computer, on which the playbook is played. Its
// systemctl notes what it is asked; the configurations are checked by stationd itself.
type plant struct {
	t         *testing.T
	dir       string
	inventory string
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("NOT proved: what the Ansible role does to a board. There is no ansible-playbook (Debian: ansible-core)")
	}
	if testing.Short() {
		t.Skip("NOT proved: what the Ansible role does to a board. It takes a minute")
	}
	p := &plant{t: t, dir: t.TempDir()}
	must(t, command(t, "go", "build", "-o", filepath.Join(p.dir, "bin", "stationd"), "../cmd/stationd"))
	p.write("bin/systemctl", `#!/bin/sh
[ "$1" = is-active ] && exec test -e `+p.dir+`/runs
echo "$@" >>`+p.dir+`/asked
[ "$1" = reload ] && exec test ! -e `+p.dir+`/needs-restart
exit 0
`, 0o700)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	p.inventory = "stations:\n  hosts:\n"
	for i := range boards {
		p.inventory += fmt.Sprintf("    pack4-%d.plant.example: {line: PACK4, machine: SEAL-%[1]d, stationd_etc: %q}\n", i+1, p.etc(i+1))
		if err := os.MkdirAll(p.etc(i+1), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.inventory += fmt.Sprintf("  vars:\n    ansible_connection: local\n    ansible_python_interpreter: /usr/bin/python3\n    stationd_become: false\n    stationd_doctor: false\n    stationd_owner: %q\n    stationd_program: %q\n",
		me.Username, filepath.Join(p.dir, "bin", "stationd")) +
		"    stationd_keys: {l2l.key: \"{{ vault_l2l_key }}\", lagerkoll.key: \"{{ vault_lagerkoll_key }}\"}\n"
	p.write("inventory.yml", p.inventory, 0o600)
	return p
}

func (p *plant) etc(board int) string { return filepath.Join(p.dir, fmt.Sprint("board", board), "etc") }

func (p *plant) write(name, text string, mode os.FileMode) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
}

// play plays the playbook, and returns whether it went well, and what systemctl was asked.
func (p *plant) play(vars ...string) (well bool, asked, said string) {
	p.t.Helper()
	_ = os.Remove(filepath.Join(p.dir, "asked"))
	args := []string{"--diff", "-v", "-i", filepath.Join(p.dir, "inventory.yml"), "-e", "vault_l2l_key=an-l2l-key-of-a-test", "-e", "vault_lagerkoll_key=a-lagerkoll-key"}
	for _, v := range vars {
		args = append(args, "-e", v)
	}
	c := command(p.t, "ansible-playbook", append(args, "ansible/site.yml")...)
	c.Env = append(os.Environ(), "HOME="+p.dir, "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=0", "ANSIBLE_PIPELINING=1", "PATH="+filepath.Join(p.dir, "bin")+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("%s", out)
		}
	})
	for _, key := range []string{"an-l2l-key-of-a-test", "another-l2l-key", "a-lagerkoll-key"} {
		if strings.Contains(string(out), key) {
			p.t.Errorf("a key shows")
		}
	}
	text, _ := os.ReadFile(filepath.Join(p.dir, "asked"))
	return err == nil, strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ", "), string(out)
}

func (p *plant) expect(because, asked, want string, well, wantWell bool) {
	p.t.Helper()
	if asked != want || well != wantWell {
		p.t.Errorf("%s: it went well: %v, systemctl was asked %q; want %v, %q", because, well, asked, wantWell, want)
	}
}

// holds checks what the configuration of each board says of its machine.
func (p *plant) holds(because string, machines ...string) {
	p.t.Helper()
	for i, machine := range machines {
		text, err := os.ReadFile(filepath.Join(p.etc(i+1), "stationd.toml"))
		if err != nil || !strings.Contains(string(text), `machine = "`+machine+`"`) || !strings.Contains(string(text), `rate  = "90/min"`) {
			p.t.Errorf("%s: board %d has %v %s; want %s", because, i+1, err, text, machine)
		}
	}
}

func TestThePlaybookBringsTheStationsOfAPlantInRings(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	well, asked, _ := p.play()
	p.expect("new boards", asked, "daemon-reload, start stationd, daemon-reload, start stationd", well, true)
	p.holds("new boards", "SEAL-1", "SEAL-2")
	for board := 1; board <= boards; board++ {
		key := filepath.Join(p.etc(board), "keys", "l2l.key")
		info, err := os.Stat(key)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("board %d: its key: %v, %v", board, info, err)
		}
		if text, err := os.ReadFile(key); err != nil || string(text) != "an-l2l-key-of-a-test\n" {
			t.Errorf("board %d: its key holds %q, %v", board, text, err)
		}
	}

	p.write("runs", "", 0o600)
	well, asked, said := p.play()
	p.expect("the same again", asked, "", well, true)
	if strings.Count(said, "changed=0") != boards {
		t.Errorf("the same again has changed something: %s", said)
	}

	// A fault in one is found before anything is changed; and where that was left out, its
	// own check keeps it from its board, and the next ring does not begin.
	p.write("inventory.yml", strings.NewReplacer("machine: SEAL-1", `machine: 'SEAL"1'`, "SEAL-2", "LABEL-2").Replace(p.inventory), 0o600)
	well, asked, said = p.play()
	p.expect("a faulty one", asked, "", well, false)
	if !strings.Contains(said, "pack4-1.plant.example.toml:") {
		t.Errorf("it does not say where the fault is: %s", said)
	}
	well, asked, _ = p.play("stationd_check_account=false")
	p.expect("a faulty one that was not looked at before", asked, "", well, false)
	p.holds("a faulty one", "SEAL-1", "SEAL-2")

	// What a reload does not take up takes a restart.
	p.write("inventory.yml", strings.ReplaceAll(p.inventory, "SEAL-2", "LABEL-2"), 0o600)
	p.write("needs-restart", "", 0o600)
	well, asked, _ = p.play("stationd_check_account=false")
	p.expect("a change that needs a restart", asked, "reload stationd, daemon-reload, restart stationd", well, true)
	p.holds("a change that needs a restart", "SEAL-1", "LABEL-2")

	// A reader of the new configuration may need what the unit was forbidden for the one before.
	p.write("inventory.yml", p.inventory, 0o600)
	well, asked, _ = p.play("vault_l2l_key=another-l2l-key")
	p.expect("a new key, and for one a new configuration", asked, "daemon-reload, restart stationd, daemon-reload, restart stationd", well, true)
	p.holds("a new key, and for one a new configuration", "SEAL-1", "SEAL-2")
}
