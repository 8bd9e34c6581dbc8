module maibot.test/cluster

go 1.24
