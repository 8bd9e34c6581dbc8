module maibot.test/bench

go 1.24
