// Command registry is the OCI distribution registry with what tests need and no more: storage in memory or in a folder,
// no authentication, htpasswd or tokens, TLS with or without client certificates. The clouds' storage drivers, which the
// project's own program links, would make it ten times as big.
//
// Its only argument is the configuration file, in the format of the distribution project.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: registry CONFIGURATION")
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		return err
	}
	config, err := configuration.Parse(file)
	_ = file.Close()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := registry.NewRegistry(ctx, config)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}
