"""The product: independent services that talk through Kafka topics and gRPC."""
