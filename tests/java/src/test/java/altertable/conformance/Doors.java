package altertable.conformance;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.arrow.memory.BufferAllocator;

/** What the steps of a case do, by their verbs, with the sessions that they open. */
final class Doors implements AutoCloseable {
  /** Something about to happen; gives the step's outcome. */
  interface Action {
    Map<String, Object> run(Arrivals arrivals) throws Exception;
  }

  /** Hears of each line or batch that arrives, and of the outcome so far. */
  interface Arrivals {
    void pass(int items, Supplier<Map<String, Object>> outcome) throws InterruptedException;
  }

  final Map<String, Account> accounts = new LinkedHashMap<>();
  final FlightDoor main;
  private final Spec.Case one;
  private final Target.Server server;
  private final BufferAllocator allocator;
  private final HttpDoor http;
  private final Jdbc jdbc;
  private final List<FlightDoor> opened = new ArrayList<>();
  private final Map<String, String> tokens = new HashMap<>();
  private final Map<String, String> restSessions = new HashMap<>();
  private final Map<String, byte[]> prepared = new ConcurrentHashMap<>();

  Doors(Spec.Case one, Target.Server server, BufferAllocator allocator) {
    this.one = one;
    this.server = server;
    this.allocator = allocator;
    http = new HttpDoor(server, allocator);
    jdbc = new Jdbc(server);
    main = open();
    one.tenants().forEach(tenant -> accounts.put(tenant, server.only().orElseGet(Account::fresh)));
  }

  /** Another Flight connection. */
  FlightDoor open() {
    var made = new FlightDoor(allocator, server);
    opened.add(made);
    return made;
  }

  /** What a step will do, over a Flight connection if it needs one. */
  Action action(String verb, Map<String, Object> step, FlightDoor over) throws Exception {
    var account = accounts.get(step.getOrDefault("tenant", one.tenants().get(0)));
    if (verb.equals("lakehouse") || verb.equals("analytics")) {
      var request = http.request(verb, (String) step.get(verb), step, account);
      return arrivals -> http.send(request, arrivals);
    } else if (verb.equals("socket")) {
      return arrivals -> http.exchange((String) step.get(verb), step.get("send"));
    } else if (!verb.equals("sql")) {
      return flight(verb.substring("flight.".length()), step.get(verb), step, account, over);
    }
    boolean rest = step.getOrDefault("door", one.door()).equals("rest");
    return rest ? restSql(step, account) : flightSql(step, account, over);
  }

  private static String session(Map<String, Object> step) {
    return (String) step.getOrDefault("session", "main");
  }

  private Action restSql(Map<String, Object> step, Account account) throws Exception {
    var id = restSessions.computeIfAbsent(account.user() + "/" + session(step), key -> UUID.randomUUID().toString());
    var query = new LinkedHashMap<>(step);
    query.put("json", Data.map("statement", step.get("sql"), "session_id", id));
    var request = http.request("lakehouse", "POST /query", query, account);
    return arrivals -> SqlOutcome.ofStream(http.send(request, arrivals));
  }

  /** Through the JDBC driver if it gives every value of the result without loss, else through the Flight SQL client. */
  private Action flightSql(Map<String, Object> step, Account account, FlightDoor over) throws Exception {
    var sql = (String) step.get("sql");
    var query = flight("query", sql, step, account, over);
    if (step.containsKey("auth") || step.containsKey("headers") || step.containsKey("background")) {
      return arrivals -> SqlOutcome.ofFlight(query.run(arrivals));
    }
    var token = token(account, session(step));
    return arrivals -> {
      var outcome = jdbc.run(token, sql);
      return outcome.isPresent() ? outcome.get() : SqlOutcome.ofFlight(query.run(arrivals));
    };
  }

  private Action flight(String verb, Object argument, Map<String, Object> step, Account account, FlightDoor over) throws Exception {
    var metadata = new HashMap<String, String>();
    if (step.containsKey("auth")) {
      metadata.putAll(account.credentials(step.get("auth"), false));
    } else {
      metadata.put("authorization", "Bearer " + token(account, session(step)));
    }
    Data.asMap(step.get("headers")).forEach((name, value) -> metadata.put(name, Data.asText(value)));
    var verbs = new FlightVerbs(over, prepared);
    return arrivals -> {
      over.use(metadata);
      try {
        var outcome = verbs.run(verb, argument, step, arrivals);
        outcome.put("status", "OK");
        return outcome;
      } catch (FlightDoor.Failed failed) {
        return failed.outcome;
      }
    };
  }

  private String token(Account account, String session) throws Exception {
    var key = account.user() + "/" + session;
    if (!tokens.containsKey(key)) {
      tokens.put(key, main.token(account));
    }
    return tokens.get(key);
  }

  @Override
  public void close() throws Exception {
    jdbc.close();
    for (var each : opened) {
      each.close();
    }
  }
}
