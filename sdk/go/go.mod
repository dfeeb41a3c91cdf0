module github.com/plugbay/plugbay/sdk/go

go 1.24
