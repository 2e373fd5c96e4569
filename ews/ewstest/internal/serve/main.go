// Serve runs ewstest in a process of its own, entered with a password as test servers on premises are, and with the environment of
// the suite that runs against real servers set, runs a command against it:
//
//	go run ./ews/ewstest/internal/serve go test -count=1 -run '^TestSuite$' ./ews
//
// Its exit status is the command's. Without a command it serves until it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	mailbox := flag.String("mailbox", "support@example.com", "`address` of the mailbox")
	password := flag.String("password", "secret", "`password` of the mailbox")
	second := flag.Bool("second", false, "answer as the second known implementation of EWS does where it differs from Exchange")
	flag.Parse()
	status, err := run(*listen, *mailbox, *password, *second, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

func run(listen, mailbox, password string, second bool, command []string) (status int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exchange := ewstest.New(nil)
	defer exchange.Close()
	exchange.AddMailbox(mailbox)
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return 1, err
	}
	var h http.Handler = exchange
	if second {
		h = other(h)
	}
	srv := &http.Server{Handler: signIn(h, mailbox, password)}
	go srv.Serve(l)
	defer srv.Close()
	endpoint := "http://" + l.Addr().String() + "/EWS/Exchange.asmx"
	fmt.Fprintln(os.Stderr, endpoint)
	if len(command) == 0 {
		<-ctx.Done()
		return 0, nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "EWS_LIVE=1", "EWS_LIVE_ENDPOINT="+endpoint, "EWS_LIVE_MAILBOX="+mailbox, "EWS_LIVE_USER="+mailbox, "EWS_LIVE_PASSWORD="+password)
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// signIn checks the password, and hands the request on with the bearer token that ewstest wants.
func signIn(next http.Handler, mailbox, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, ok := r.BasicAuth()
		if !ok || pass != password || !strings.EqualFold(user, mailbox) {
			w.Header().Add("WWW-Authenticate", "Negotiate")
			w.Header().Add("WWW-Authenticate", `Basic realm="`+r.Host+`"`)
			http.Error(w, "sign in", http.StatusUnauthorized)
			return
		}
		r.Header.Set("Authorization", "Bearer signed-in")
		next.ServeHTTP(w, r)
	})
}
