"""Where failures come from: JUnit XML and raw failures, each read as a stream into `domain.failure` types."""
