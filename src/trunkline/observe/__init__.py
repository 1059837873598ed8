"""What happened, and who is told: log, metrics, SIP ladder, pcap."""
