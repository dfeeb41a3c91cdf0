//go:build !wasip1

package abi

import "os"

func exit(status int) { os.Exit(status) }
