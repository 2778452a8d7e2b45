"""What tests share: real peers, fakes that record and can fail, and small scripted clients."""
