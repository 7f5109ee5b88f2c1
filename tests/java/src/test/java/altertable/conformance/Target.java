package altertable.conformance;

import altertable.MockServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The servers that the cases run against: one for each set of flags, or the one that CONFORMANCE_URL names. */
final class Target implements AutoCloseable {
  /** Where a server listens, and whom it knows if not everybody. */
  record Server(URI lakehouse, URI analytics, URI flight, Optional<Account> only) {
    URI door(String name) {
      return switch (name) {
        case "lakehouse" -> lakehouse;
        case "analytics" -> analytics;
        default -> flight;
      };
    }

    boolean encryptsFlight() {
      return !List.of("http", "grpc", "grpc+tcp").contains(flight.getScheme());
    }
  }

  private final Map<List<String>, MockServer> started = new ConcurrentHashMap<>();
  private final Optional<Server> remote = Optional.ofNullable(System.getenv("CONFORMANCE_URL")).filter(url -> !url.isEmpty()).map(Target::remote);

  /** The server that the variables of the Rust runner name. */
  private static Server remote(String url) {
    var environment = System.getenv();
    var only = Optional.ofNullable(environment.get("CONFORMANCE_USER")).map(user -> user.split(":", 2))
        .map(pair -> new Account(pair[0], pair[1], environment.getOrDefault("CONFORMANCE_API_KEY", "")));
    var analytics = environment.getOrDefault("CONFORMANCE_ANALYTICS_URL", "http://127.0.0.1:15001");
    var flight = environment.getOrDefault("CONFORMANCE_FLIGHT_URL", "http://127.0.0.1:15002");
    return new Server(URI.create(url), URI.create(analytics), URI.create(flight), only);
  }

  boolean isRemote() {
    return remote.isPresent();
  }

  /** Throws Unsupported if this target cannot run a case. */
  void demandFitFor(Spec.Case one) {
    if (isRemote() && !one.server().equals(Spec.DEFAULT_FLAGS)) {
      throw new Unsupported("needs a server started with other flags");
    } else if (remote.flatMap(Server::only).isPresent() && one.tenants().size() > 1) {
      throw new Unsupported("needs several tenants");
    }
  }

  /** The server with these flags, started by the first case that needs it. */
  Server server(List<String> flags) {
    return remote.orElseGet(() -> {
      var running = started.computeIfAbsent(flags, Target::start);
      return new Server(local(running.lakehouse()), local(running.analytics()), local(running.flight()), Optional.empty());
    });
  }

  private static URI local(String address) {
    return URI.create("http://" + address);
  }

  private static MockServer start(List<String> flags) {
    try {
      return new MockServer(flags.toArray(String[]::new));
    } catch (IOException fault) {
      throw new UncheckedIOException(fault);
    }
  }

  /** Ends all servers; fails if one has ended before. */
  @Override
  public void close() {
    var ended = started.entrySet().stream().filter(entry -> !entry.getValue().alive()).map(Map.Entry::getKey).toList();
    started.values().forEach(MockServer::kill);
    if (!ended.isEmpty()) {
      throw new AssertionError("servers ended during the tests: " + ended);
    }
  }
}
