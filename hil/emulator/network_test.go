package emulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// It is not parallel: a listener of another test could be given the port that is free
// while the network is down.
func TestTheNetworkKeepsItsPortWhileItIsDown(t *testing.T) {
	plant := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") }))
	t.Cleanup(plant.Close)
	n, err := NewNetwork(plant.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Down)
	client := guest(n)

	if body, err := get(client, n.URL()); body != "here" {
		t.Errorf("up: the plant said %q, %v", body, err)
	}
	n.Down()
	if _, err := get(client, n.URL()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("down: %v, and not refused", err)
	}
	if err := n.Up(); err != nil {
		t.Fatal(err)
	}
	if body, err := get(client, n.URL()); body != "here" {
		t.Errorf("up again: the plant said %q, %v", body, err)
	}
}

func TestANetworkThatGoesDownResetsARequestUnderWay(t *testing.T) {
	t.Parallel()
	plant, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plant.Close() })
	n, err := NewNetwork(plant.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Down)
	asked := make(chan error, 1)
	go func() {
		_, err := get(guest(n), n.URL())
		asked <- err
	}()
	conn, err := plant.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "GET / ") {
		t.Fatalf("the plant was asked %q, %v", line, err)
	}
	n.Down()
	if err := <-asked; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the request under way ended with %v, and not with a reset", err)
	}
}

// guest is a client that sees the network as a board does: it trusts its
// authority, and finds the plant's name on the loopback.
func guest(n *Network) *http.Client {
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(n.authority)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: trusted, ServerName: PlantHost},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, n.addr)
		},
	}}
}

func get(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
