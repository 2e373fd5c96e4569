package servers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
)

// Port reserves a loopback port until the test ends, for a program that has to be told one. It is none of those that the system gives to
// listeners and clients which take any: nobody comes by it before the program listens, or while it is restarted. The reservation is
// a UDP socket on the same port, which other tests see, in other processes, too.
func Port(t testing.TB) string {
	t.Helper()
	const first = 10_000
	end := 32_768 // of most systems' range
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		var low int
		if _, err := fmt.Sscan(string(b), &low); err == nil && low > first+1000 {
			end = min(low, 1<<16)
		}
	}
	var last error
	for range 1000 {
		port := strconv.Itoa(first + rand.IntN(end-first))
		reserved, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		if err != nil {
			last = err
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			last = err
			reserved.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { reserved.Close() })
		return port
	}
	t.Fatalf("no port is free: %v", last)
	return ""
}
