package altertable;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** The server under test, as a process of its own on free ports; ends with {@link #close()}. */
public final class MockServer implements AutoCloseable {
  private static final Pattern STARTED =
      Pattern.compile("Starting (Flight SQL|Lakehouse HTTP|Product Analytics HTTP|PostgreSQL) server on (\\S+)");
  private static final Pattern COLOUR = Pattern.compile("\u001b\\[[0-9;]*m");

  private final Process process;
  private final Map<String, String> addresses = new HashMap<>();

  public MockServer(String... flags) throws IOException {
    var command = new ArrayList<>(List.of(binary(), "--bind", "127.0.0.1"));
    command.addAll(List.of("--flight-port=0", "--lakehouse-port=0", "--analytics-port=0", "--postgres-port=0"));
    command.addAll(List.of(flags));
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("ALTERTABLE_"));
    process = builder.start();
    var output = new BufferedReader(new InputStreamReader(process.getInputStream()));
    awaitDoors(output);
    var drain = new Thread(() -> output.lines().forEach(line -> {}), "server output");
    drain.setDaemon(true);
    drain.start();
  }

  private static String binary() throws IOException {
    var named = System.getenv("ALTERTABLE_MOCK_BINARY");
    if (named == null || !Files.isExecutable(Path.of(named))) {
      throw new IOException("ALTERTABLE_MOCK_BINARY must name the server's binary, and is " + named);
    }
    return named;
  }

  private void awaitDoors(BufferedReader output) throws IOException {
    var log = new StringBuilder();
    while (addresses.size() < 4) {
      var line = output.readLine();
      if (line == null) {
        throw new IOException("the server did not open its four doors:\n" + log);
      }
      var plain = COLOUR.matcher(line).replaceAll("");
      log.append(plain).append('\n');
      var started = STARTED.matcher(plain);
      if (started.find()) {
        addresses.put(started.group(1), started.group(2));
      }
    }
  }

  public String flight() {
    return addresses.get("Flight SQL");
  }

  public String lakehouse() {
    return addresses.get("Lakehouse HTTP");
  }

  public String analytics() {
    return addresses.get("Product Analytics HTTP");
  }

  public boolean alive() {
    return process.isAlive();
  }

  /** A connection in plaintext, with more driver properties as {@code name, value, …}. */
  public Connection connect(String user, String password, String... more) throws SQLException {
    var properties = new Properties();
    properties.put("user", user);
    properties.put("password", password);
    properties.put("useEncryption", "false");
    for (int i = 0; i < more.length; i += 2) {
      properties.put(more[i], more[i + 1]);
    }
    return DriverManager.getConnection("jdbc:arrow-flight-sql://" + flight(), properties);
  }

  /** A connection of a user that nobody has used before; needs {@code --allow-any-user}. */
  public Connection connectAsNewUser(String... more) throws SQLException {
    return connect("user-" + UUID.randomUUID(), "secret", more);
  }

  /** Ends the server at once, for those that have made a thousand tenants, which it would close one by one. */
  public void kill() {
    process.destroyForcibly();
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(15, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException("the server did not end within 15 s of being asked to");
      }
    } catch (InterruptedException interrupted) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
